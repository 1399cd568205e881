import { isId } from "../arguments.js";
import { runPipeline, valuesOf } from "./connection.js";
import { asPattern } from "./permissions.js";
import type { RedisSession } from "./session.js";

/** Number of keys or entries that one SCAN looks at. Most keys of the server may belong to others. */
const COUNT = 1000;

/** Reply of SCAN, ZSCAN or HSCAN: where the next step begins ("0": nowhere), and what was found. */
type Found = readonly [cursor: string, found: readonly string[]];

/**
 * Walks over the ids of the jobs that have a key. Returns each at least once if the key exists all the time.
 * @param step approximate number of ids that are returned at once
 */
export function walkJobs(session: RedisSession, step: number): AsyncGenerator<readonly string[], void, undefined> {
  const { keys } = session;
  const prefix = keys.job("");
  const pattern = `${asPattern(prefix)}*`;
  return walk(session, step, async (cursor) => {
    const replies = await session.read(({ client }) =>
      // On a cluster, the key of the first command selects the server for both.
      runPipeline(client, [
        ["exists", keys.map],
        ["scan", cursor, "MATCH", pattern, "COUNT", COUNT],
      ]),
    );
    const [, [next, found]] = valuesOf(replies) as [unknown, Found];
    const ids = found.flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
    return [next, ids.filter(isId)];
  });
}

/** Walks over the members of an index or the fields of a hash likewise. */
export function walkEntries(
  session: RedisSession,
  step: number,
  index: "statuses" | "creations" | "fields" | "values",
): AsyncGenerator<readonly string[], void, undefined> {
  const key = session.keys[index];
  return walk(session, step, async (cursor) => {
    const [next, found] = await session.read(({ client }) =>
      index === "values" ? client.hscan(key, cursor, "COUNT", COUNT) : client.zscan(key, cursor, "COUNT", COUNT),
    );
    // Each is followed by its score, or its value.
    return [next, found.filter((_, n) => n % 2 === 0)];
  });
}

/** A cursor is valid on the server that returned it only. After a new connection, the walk begins again. */
async function* walk(
  session: RedisSession,
  step: number,
  scan: (cursor: string) => Promise<Found>,
): AsyncGenerator<readonly string[], void, undefined> {
  let cursor = "0";
  let epoch = -1;
  for (;;) {
    const [next, found] = await scan(cursor);
    const moved = cursor !== "0" && epoch !== session.connection.epoch;
    epoch = session.connection.epoch;
    // SCAN may return more than its COUNT. Equal parts are at most one and a half steps long.
    const size = Math.ceil(found.length / Math.max(1, Math.round(found.length / step)));
    for (let first = 0; first < found.length; first += size) yield found.slice(first, first + size);
    if (next === "0" && !moved) return;
    cursor = moved ? "0" : next;
  }
}
