import { describe } from "vitest";
import { activity, timeoutNumbers } from "./activity.js";
import { audit } from "./audit.js";
import { changeKeys, claimAnswers, claimRepeats, claims, origins } from "./claim.js";
import { createContext, type DriverUnderTest } from "./context.js";
import { countsOfField } from "./counts-of-field.js";
import { create, createMany, notJson } from "./create.js";
import { delayedMessages } from "./delayed-messages.js";
import { deleteMany, deleteOne } from "./delete.js";
import { explanations } from "./explain.js";
import { failRequest } from "./fail-request.js";
import { handledMessages, messagesWithoutOrigin, rememberedMessages } from "./handled.js";
import { close, health } from "./health-and-close.js";
import { leaseReading, leases, savedLeases, waits } from "./leases.js";
import { limit } from "./limit.js";
import { growth, limits } from "./limits.js";
import { cursors, list, scan, ties } from "./list.js";
import { maxCount } from "./max-count.js";
import { metadata, ownership } from "./metadata.js";
import { outbox, outboxClaims, outboxWaits } from "./outbox.js";
import { outboxList } from "./outbox-list.js";
import { pauses } from "./pauses.js";
import { races } from "./races.js";
import { counts, read, schemaChange, unreadable } from "./read.js";
import { request } from "./request.js";
import { expiry, massExpiry, retention } from "./retention.js";
import { save } from "./save.js";
import { cancelling, rescheduledRequests, rescheduling } from "./scheduled-messages.js";
import { sends } from "./sends.js";
import { timeouts } from "./timeouts.js";
import { untrustedIds, unusualData, unusualStatuses } from "./untrusted-input.js";
import { updateProgress } from "./update-progress.js";
import { history, transitions, updateStatus } from "./update-status.js";
import { waitFor, watch } from "./watch.js";
import { earlyEnd } from "./watch-end.js";
import { where, whereValues } from "./where.js";
import { workers } from "./workers.js";

export type { DriverUnderTest } from "./context.js";

const subjects = {
  create,
  "create many": createMany,
  request,
  "data that is not JSON": notJson,
  save,
  read,
  unreadable,
  "schema change": schemaChange,
  counts,
  "counts of a field": countsOfField,
  activity,
  "numbers of timeouts": timeoutNumbers,
  "update status": updateStatus,
  transitions,
  history,
  "update progress": updateProgress,
  claims,
  "answers of a claim": claimAnswers,
  "repeated claims": claimRepeats,
  origins,
  "handled messages": handledMessages,
  "messages without an origin": messagesWithoutOrigin,
  "remembered messages": rememberedMessages,
  "fail request": failRequest,
  "keys of changes": changeKeys,
  leases,
  "reading a lease": leaseReading,
  "retries and postponed jobs": waits,
  "saved leases": savedLeases,
  delete: deleteOne,
  "delete many": deleteMany,
  list,
  cursors,
  ties,
  scan,
  where,
  "index values": whereValues,
  limits,
  growth,
  "retention by time": retention,
  "retention by count": maxCount,
  expiry,
  "mass expiry": massExpiry,
  watch,
  "wait for": waitFor,
  "early end of watch and scan": earlyEnd,
  outbox,
  "outbox claims": outboxClaims,
  "outbox waits": outboxWaits,
  "outbox list": outboxList,
  "delayed messages": delayedMessages,
  "rescheduled messages": rescheduling,
  "cancelled messages": cancelling,
  "requests by rescheduled messages": rescheduledRequests,
  "messages of a status": sends,
  timeouts,
  pauses,
  workers,
  "limit per key": limit,
  explanations,
  races,
  "untrusted ids": untrustedIds,
  "unusual statuses": unusualStatuses,
  "unusual data": unusualData,
  ownership,
  metadata,
  audit,
  health,
  close,
};

/**
 * Declares the tests that every driver must pass, with vitest.
 *
 * @param name Name of the driver, for the titles of the tests.
 * @param open Returns a driver with an empty storage of its own. Called for each test.
 */
export function testDriver(name: string, open: () => Promise<DriverUnderTest>): void {
  describe(`${name} driver`, () => {
    const context = createContext(open);
    for (const [subject, declare] of Object.entries(subjects)) describe(subject, () => declare(context));
  });
}
