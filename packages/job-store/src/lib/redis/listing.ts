import { MAX_TIME } from "../arguments.js";
import type { JobRecord, ListPosition, ListRequest, ListResult, ReadResult } from "../driver.js";
import { comparePositions } from "../driver-rules.js";
import { type PipelineCommand, runPipeline, valuesOf } from "./connection.js";
import type { IndexMetadata } from "./index-metadata.js";
import { indexKeys, SPAN, scoreOf } from "./keys.js";
import type { ReadBatcher } from "./read-batcher.js";
import { fieldText } from "./record-text.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** Maximum number of index entries that are read for one page, if most of them belong to jobs that have expired or changed. */
const MAX_SCANNED = 5000;

/**
 * Returns a page: ids from the index, then the jobs by their keys. A job that expired, was deleted or changed its status between
 * the two steps is left out. The page is then filled up from the following jobs, within bounds.
 *
 * @param onExpired called if the index contained jobs that do not exist any more
 */
export async function listJobs(
  session: RedisSession,
  reader: ReadBatcher,
  request: ListRequest,
  onExpired: () => void,
): Promise<ListResult> {
  const end = session.executor.defaultEnd();
  return (
    (await listByCommands(session, reader, request, end)) ?? listByScripts(session, reader, request, { end, onExpired })
  );
}

/** Maximum number of jobs of one millisecond that `listByCommands` reads. */
const MAX_TIES = 64;

/**
 * Returns a page of one range of an index. Plain commands cost the server a third of a script. Returns null if a script is needed:
 * for several ranges, if many jobs entered the index in the millisecond in which the page begins, if a job does not exist any more, or if
 * jobs of the page have moved in the index between the two commands.
 */
async function listByCommands(
  session: RedisSession,
  reader: ReadBatcher,
  request: ListRequest,
  end: number,
): Promise<ListResult | null> {
  if (request.where !== null) return null;
  const { statuses, order, limit } = request;
  const before = await readIds(session, request, end);
  if (before === null) return null;
  if (before.ids.length === 0) return { entries: [], next: null };
  const ids = before.ids.slice(0, limit);
  const [readings, after] = await readWithIndexState(session, reader, request, { ids, end });
  const entries: ListResult["entries"][number][] = [];
  for (const reading of readings) {
    if (reading.kind !== "record") return null;
    const { record } = reading;
    const { id, status, statusAt, createdAt } = record;
    const at = (statuses === null ? createdAt : statusAt).getTime();
    const previous = entries.at(-1) ?? request.start;
    const direction = order === "oldest" ? 1 : -1;
    if (statuses !== null && !statuses.includes(status)) return null;
    if (previous !== null && comparePositions(previous, { at, id }) * direction >= 0) return null;
    entries.push({ kind: "record", record, id, at });
  }
  const last = entries.at(-1);
  if (last !== undefined && after.lastScore % SPAN !== last.at) return null;
  // Without a new event, no job has moved in the index. Otherwise the index is read once more.
  if (after.events !== before.events && !isSame(await readIds(session, request, end), before)) return null;
  return { entries, next: before.ids.length > limit && last !== undefined ? { at: last.at, id: last.id } : null };
}

/** Ids of a page and one further id, and the number of the last event. */
interface PageIds {
  readonly ids: readonly string[];
  readonly events: string | null;
}

function isSame(a: PageIds | null, b: PageIds): boolean {
  return a !== null && a.ids.length === b.ids.length && a.ids.every((id, n) => id === b.ids[n]);
}

/** Returns null if a script is needed. */
function readIds(session: RedisSession, request: ListRequest, end: number): Promise<PageIds | null> {
  const { order, limit, start } = request;
  const isLater = (id: string) => start !== null && (order === "oldest" ? id > start.id : id < start.id);
  return session.read(
    async ({ client, metadata }) => {
      const commands = pageCommands(session, metadata, request);
      if (commands === null) return null;
      const [state, following, ties = []] = valuesOf(await runPipeline(client, commands)) as [
        readonly [revision: string | null, events: string | null],
        readonly string[],
        (readonly string[])?,
      ];
      session.checkReply([state[0] === metadata.revision ? "current" : "stale"], metadata);
      session.confirmMetadata();
      if (ties.length === MAX_TIES) return null;
      return { ids: [...ties.filter(isLater), ...following].slice(0, limit + 1), events: state[1] };
    },
    { end },
  );
}

/** Reads the jobs, and afterwards the number of the last event and the score of the last job. */
async function readWithIndexState(
  session: RedisSession,
  reader: ReadBatcher,
  { statuses }: ListRequest,
  { ids, end }: { readonly ids: readonly string[]; readonly end: number },
): Promise<[readonly ReadResult[], { readonly events: string | null; readonly lastScore: number }]> {
  const { keys } = session;
  const indexState = () =>
    session.read(
      async ({ client }) => {
        const [events, score] = valuesOf(
          await runPipeline(client, [
            ["hget", keys.metadata, "events"],
            ["zscore", statuses === null ? keys.creations : keys.statuses, ids.at(-1) ?? ""],
          ]),
        ) as [string | null, string | null];
        return { events, lastScore: Number(score ?? Number.NaN) };
      },
      { end },
    );
  // If one MGET reads all jobs, both are sent on one connection, in this order.
  if (reader.fitOneReply(ids.length)) return Promise.all([reader.readJobs(ids, end), indexState()]);
  return [await reader.readJobs(ids, end), await indexState()];
}

/** Returns commands that read the revision and the number of the last event, the ids after the first millisecond, and those in it. */
function pageCommands(
  session: RedisSession,
  { codes }: IndexMetadata,
  { statuses, order, limit, after, before, start }: ListRequest,
): PipelineCommand[] | null {
  const { keys } = session;
  const ranges = statuses === null ? [{ code: 0, ttlMs: 0 }] : codes.filter(({ status }) => statuses.includes(status));
  const [only] = ranges;
  const now = session.serverTime();
  if (only === undefined || ranges.length > 1 || (only.ttlMs > 0 && now === null)) return null;
  const { code, ttlMs } = only;
  const index = statuses === null ? keys.creations : keys.statuses;
  // The server may remove a job a little later: a page with a job that does not exist any more is read again.
  const expired = ttlMs > 0 && now !== null ? Math.max(0, now - ttlMs) : 0;
  const lowest = Math.max(expired, after === null ? 0 : after + 1);
  const highest = before === null ? SPAN - 1 : before - 1;
  const ascending = order === "oldest";
  const range = (from: number, to: number, count: number): PipelineCommand => {
    const [low, high] = [scoreOf(code, from), scoreOf(code, to)];
    return ascending
      ? ["zrange", index, low, high, "BYSCORE", "LIMIT", 0, count]
      : ["zrange", index, high, low, "BYSCORE", "REV", "LIMIT", 0, count];
  };
  const state: PipelineCommand = ["hmget", keys.metadata, "revision", "events"];
  if (start === null) return [state, range(lowest, highest, limit + 1)];
  const following = ascending
    ? range(Math.max(lowest, start.at + 1), highest, limit + 1)
    : range(lowest, Math.min(highest, start.at - 1), limit + 1);
  const isTied = start.at >= lowest && start.at <= highest;
  return isTied ? [state, following, range(start.at, start.at, MAX_TIES)] : [state, following];
}

async function listByScripts(
  session: RedisSession,
  reader: ReadBatcher,
  request: ListRequest,
  { end, onExpired }: { readonly end: number; readonly onExpired: () => void },
): Promise<ListResult> {
  const entries: ListResult["entries"][number][] = [];
  let start = request.start;
  let scanned = 0;
  for (;;) {
    const wanted = scanned === 0 ? request.limit + 1 : Math.max(request.limit - entries.length + 1, 500);
    const positions = await findPositions(session, { ...request, start }, wanted, end);
    const readings = await reader.readJobs(
      positions.map(({ id }) => id),
      end,
    );
    let absent = false;
    for (const [n, position] of positions.entries()) {
      const reading = readings[n];
      if (reading === undefined || reading.kind === "absent") {
        absent = true;
      } else if (reading.kind === "unreadable" || belongs(reading.record, request, position)) {
        if (entries.length === request.limit) return { entries, next: start };
        entries.push({ ...reading, ...position });
      }
      start = position;
    }
    if (absent) onExpired();
    if (positions.length < wanted) return { entries, next: null };
    scanned += positions.length;
    if (scanned >= MAX_SCANNED) return { entries, next: start };
  }
}

/** Returns true if the job is still at this position of the index. */
function belongs({ status, statusAt, createdAt }: JobRecord, request: ListRequest, position: ListPosition): boolean {
  if (request.statuses === null) return createdAt.getTime() === position.at;
  return request.statuses.includes(status) && statusAt.getTime() === position.at;
}

async function findPositions(
  session: RedisSession,
  request: ListRequest,
  count: number,
  end: number,
): Promise<readonly ListPosition[]> {
  const { statuses, where, order, after, before, start } = request;
  const newest = order === "newest";
  const reply = await session.read(
    ({ metadata, evaluate }) => {
      const ranges =
        statuses === null
          ? [where === null ? 0 : "", 0]
          : metadata.codes
              .filter(({ status }) => statuses.includes(status))
              .flatMap(({ code, ttlMs }) => [code, ttlMs]);
      const args = [
        ...[metadata.revision, newest ? 1 : 0, count, start?.at ?? "", start?.id ?? ""],
        ...[after === null ? 0 : after + 1, before === null ? MAX_TIME : before - 1],
      ];
      if (where !== null) {
        const field = fieldText(where.field, where.value);
        return evaluate(scripts.find, indexKeys(session.keys), [...args, field, ...ranges]);
      }
      const index = statuses === null ? session.keys.creations : session.keys.statuses;
      return evaluate(scripts.page, [session.keys.metadata, index], [...args, ...ranges]);
    },
    { end },
  );
  session.confirmMetadata();
  const positions = reply.slice(1).flatMap((members) => readPositions(members as readonly string[]));
  const direction = newest ? -1 : 1;
  return positions.sort((a, b) => comparePositions(a, b) * direction).slice(0, count);
}

/** Reads members and their scores, or their times, in turn. */
function readPositions(members: readonly string[]): readonly ListPosition[] {
  const positions: ListPosition[] = [];
  for (let n = 0; n < members.length; n += 2)
    positions.push({ id: String(members[n]), at: Number(members[n + 1]) % SPAN });
  return positions;
}
