import { describe } from "vitest";
import { audit } from "./audit.js";
import { bulk } from "./bulk.js";
import { close } from "./close.js";
import { createContext } from "./context.js";
import { counts } from "./counts.js";
import { create } from "./create.js";
import { cursors } from "./cursors.js";
import { remove } from "./delete.js";
import { expiry } from "./expiry.js";
import { growth } from "./growth.js";
import { health } from "./health.js";
import { history } from "./history.js";
import { hostileData } from "./hostile-data.js";
import { hostileIds } from "./hostile-ids.js";
import { hostileStatuses } from "./hostile-statuses.js";
import { leaving } from "./leaving.js";
import { limits } from "./limits.js";
import { list } from "./list.js";
import { massExpiry } from "./mass-expiry.js";
import { maxCount } from "./max-count.js";
import { metadata } from "./metadata.js";
import { notJson } from "./not-json.js";
import { outbox } from "./outbox.js";
import { outboxClaims } from "./outbox-claims.js";
import { outboxWaits } from "./outbox-waits.js";
import { ownership } from "./ownership.js";
import type { Place } from "./place.js";
import { progress } from "./progress.js";
import { races } from "./races.js";
import { read } from "./read.js";
import { retention } from "./retention.js";
import { save } from "./save.js";
import { scan } from "./scan.js";
import { schemaChange } from "./schema-change.js";
import { ties } from "./ties.js";
import { transitions } from "./transitions.js";
import { unreadable } from "./unreadable.js";
import { updateStatus } from "./update-status.js";
import { waitFor } from "./wait-for.js";
import { watch } from "./watch.js";
import { where } from "./where.js";
import { whereValues } from "./where-values.js";

export type { Place } from "./place.js";

const contract = {
  create,
  "create and delete in bulk": bulk,
  save,
  read,
  "update status": updateStatus,
  transitions,
  progress,
  delete: remove,
  list,
  cursors,
  ties,
  scan,
  where,
  "values to be found by": whereValues,
  counts,
  history,
  limits,
  growth,
  retention,
  expiry,
  "mass expiry": massExpiry,
  "retention by count": maxCount,
  watch,
  "wait for": waitFor,
  leaving,
  outbox,
  "outbox claims": outboxClaims,
  "outbox waits": outboxWaits,
  races,
  "hostile ids": hostileIds,
  "hostile statuses": hostileStatuses,
  "hostile data": hostileData,
  "data that is not JSON": notJson,
  unreadable,
  "schema change": schemaChange,
  ownership,
  metadata,
  audit,
  health,
  close,
};

/**
 * Declares the tests that every driver must pass, with vitest.
 *
 * @param name of the driver, for the titles
 * @param open gives a place of its own to each test
 */
export function testDriver(name: string, open: () => Promise<Place>): void {
  describe(`${name} driver`, () => {
    const context = createContext(open);
    for (const [subject, declare] of Object.entries(contract)) describe(subject, () => declare(context));
  });
}
