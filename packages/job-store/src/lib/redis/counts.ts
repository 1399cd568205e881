import type { ListRequest } from "../driver.js";
import { type PipelineCommand, runPipeline, valuesOf } from "./connection.js";
import { indexKeys, SPAN, type StatusCode, scoreOf, scoreRange } from "./keys.js";
import { fieldText } from "./record-text.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** A status code, and the number of its live jobs. */
type CodeCount = readonly [code: StatusCode, jobs: number];

/** Counts the live jobs by status, at one moment. */
export async function countJobs(
  session: RedisSession,
  where: ListRequest["where"],
): Promise<ReadonlyMap<string, number>> {
  const end = session.executor.defaultEnd();
  const found =
    where === null
      ? ((await countByCommands(session, end)) ?? (await countByScript(session, end)))
      : await countOfField(session, where, end);
  session.confirmMetadata();
  const counts = new Map<string, number>();
  for (const [{ status }, jobs] of found) counts.set(status, (counts.get(status) ?? 0) + jobs);
  return counts;
}

/** Maximum error of the client's estimate of the server's clock. Jobs that expire within this time are listed instead of counted. */
const CLOCK_TOLERANCE_MS = 1000;

/** Maximum number of jobs of a code that are listed. */
const MAX_EXPIRING = 16;

interface CountCommands {
  readonly count: PipelineCommand;
  /** Lists the jobs that may expire before the server reads its clock. Empty: the jobs of the code do not expire. */
  readonly list: readonly PipelineCommand[];
}

/** Returns commands that count the live jobs of a code. */
function countCommands({ code, ttlMs }: StatusCode, index: string, now: number): CountCommands {
  const highest = scoreOf(code, SPAN - 1);
  if (ttlMs === 0) return { count: ["zcount", index, scoreOf(code, 0), highest], list: [] };
  const first = scoreOf(code, Math.max(0, now - ttlMs));
  const next = scoreOf(code, Math.max(0, now + CLOCK_TOLERANCE_MS - ttlMs));
  return {
    count: ["zcount", index, next, highest],
    list: [["zrange", index, first, `(${next}`, "BYSCORE", "LIMIT", 0, MAX_EXPIRING, "WITHSCORES"]],
  };
}

/**
 * Counts with plain commands, which cost the server half of a script. Returns null if a script is needed: if a job changed between
 * the commands, or if the clock or the jobs that expire are not known well enough.
 */
async function countByCommands(session: RedisSession, end: number): Promise<readonly CodeCount[] | null> {
  return session.read(
    async ({ client, metadata }) => {
      const { revision, codes } = metadata;
      const { metadata: metadataKey, statuses } = session.keys;
      const now = session.serverTime();
      const expiring = codes.filter(({ ttlMs }) => ttlMs > 0);
      if (expiring.length > 0 && now === null) return null;
      const commands = codes.map((code) => countCommands(code, statuses, now ?? 0));
      const replies = await runPipeline(client, [
        ["hmget", metadataKey, "revision", "events"],
        ...commands.map(({ count }) => count),
        ...commands.flatMap(({ list }) => list),
        ...(expiring.length > 0 ? [["time"] as const] : []),
        ["hget", metadataKey, "events"],
      ]);
      const [[stored, events], ...values] = valuesOf(replies) as [[string | null, string | null], ...unknown[]];
      session.checkReply([stored === revision ? "current" : "stale"], metadata);
      if (values.pop() !== events) return null;
      const live = new Map<StatusCode, number>();
      if (expiring.length > 0 && now !== null) {
        const [seconds, micros] = values.pop() as [string, string];
        const serverNow = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
        if (serverNow < now || serverNow > now + CLOCK_TOLERANCE_MS) return null;
        for (const [n, code] of expiring.entries()) {
          const scores = (values[codes.length + n] as readonly string[]).filter((_, place) => place % 2 === 1);
          if (scores.length === MAX_EXPIRING) return null;
          live.set(code, scores.filter((score) => (Number(score) % SPAN) + code.ttlMs >= serverNow).length);
        }
      }
      return codes.map((code, n) => [code, Number(values[n]) + (live.get(code) ?? 0)]);
    },
    { end },
  );
}

async function countByScript(session: RedisSession, end: number): Promise<readonly CodeCount[]> {
  return session.read(
    async ({ metadata: { revision, codes }, evaluate }) => {
      const keys = [session.keys.metadata, session.keys.statuses];
      const [, ...jobs] = await evaluate(scripts.counts, keys, [revision, ...codes.flatMap(scoreRange)]);
      return codes.map((code, n) => [code, Number(jobs[n])]);
    },
    { end },
  );
}

/** Counts the jobs with one value in an index field. The index has them in order, so each status costs the same for any number of jobs. */
async function countOfField(
  session: RedisSession,
  { field, value }: NonNullable<ListRequest["where"]>,
  end: number,
): Promise<readonly CodeCount[]> {
  return session.read(
    async ({ metadata: { revision, codes }, evaluate }) => {
      const ranges = codes.flatMap(({ code, ttlMs }) => [code, ttlMs]);
      const args = [revision, fieldText(field, value), ...ranges];
      const [, ...jobs] = await evaluate(scripts.countsOfField, indexKeys(session.keys), args);
      return codes.map((code, n) => [code, Number(jobs[n])]);
    },
    { end },
  );
}
