import { isId } from "../arguments.js";
import { asPattern } from "./permissions.js";
import { evaluate, scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** Looked at in one step; what comes back may be a little more, or nothing. */
const STEP = 100;
/** Of the server's keys, most of which may be somebody else's. */
const KEYS_STEP = 500;

/** One step of a walk: where the next one begins, "0" at the end, and what was found. */
type Step = readonly [cursor: string, found: readonly string[]];

/** Ids of the jobs that have a key, each at least once if it is there throughout, a few at a time. */
export function walkJobs(session: RedisSession): AsyncGenerator<readonly string[], void, undefined> {
  const prefix = session.keys.job("");
  const pattern = `${asPattern(prefix)}*`;
  return walk(session, async (cursor) => {
    const [next, keys] = await session.read(
      async ({ client }) =>
        (await evaluate(client, scripts.auditKeys, [session.keys.map], [cursor, pattern, KEYS_STEP])) as Step,
    );
    const ids = keys.flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
    return [next, ids.filter(isId)];
  });
}

/** Members of an index, or fields of a hash, likewise. */
export function walkEntries(
  session: RedisSession,
  index: "statuses" | "creations" | "fields" | "values",
): AsyncGenerator<readonly string[], void, undefined> {
  const key = session.keys[index];
  return walk(session, async (cursor) => {
    const [next, found] = await session.read(({ client }) =>
      index === "values" ? client.hscan(key, cursor, "COUNT", STEP) : client.zscan(key, cursor, "COUNT", STEP),
    );
    // Each is followed by its score, or its value.
    return [next, found.filter((_, n) => n % 2 === 0)];
  });
}

/**
 * A cursor means something to the server that gave it out, for as long as that runs. Behind another connection may be
 * another one, so the walk begins anew there.
 */
async function* walk(
  session: RedisSession,
  step: (cursor: string) => Promise<Step>,
): AsyncGenerator<readonly string[], void, undefined> {
  let cursor = "0";
  let epoch = -1;
  for (;;) {
    const [next, found] = await step(cursor);
    const moved = cursor !== "0" && epoch !== session.connection.epoch;
    epoch = session.connection.epoch;
    for (let first = 0; first < found.length; first += STEP) yield found.slice(first, first + STEP);
    if (next === "0" && !moved) return;
    cursor = moved ? "0" : next;
  }
}
