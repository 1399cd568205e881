import { LAST_MOMENT } from "../arguments.js";
import type { Listing, Position, Range } from "../driver.js";
import { comparePositions } from "../position.js";
import { indexKeys } from "./keys.js";
import type { ReadBatcher } from "./read-batcher.js";
import { fieldText } from "./record-text.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** A code's scores are its own 2^42 milliseconds. */
const SPAN = 2 ** 42;

/** Index entries looked at for one page, when most of them turn out to be of jobs that expired or moved on meanwhile. */
const MOST_LOOKED_AT = 5000;

/**
 * A page: ids from the index, then the jobs by their keys. A job that expired, was deleted or changed its status
 * between the two steps is left out, and the page filled up from what follows, within bounds.
 *
 * @param onDead called where the index named jobs that are gone
 */
export async function listJobs(
  session: RedisSession,
  reader: ReadBatcher,
  range: Range,
  onDead: () => void,
): Promise<Listing> {
  const end = session.executor.defaultEnd();
  const entries: Listing["entries"][number][] = [];
  let start = range.start;
  let lookedAt = 0;
  for (;;) {
    const wanted = lookedAt === 0 ? range.limit + 1 : Math.max(range.limit - entries.length + 1, 500);
    const places = await findPlaces(session, { ...range, start }, wanted, end);
    const readings = await reader.readJobs(
      places.map(({ id }) => id),
      end,
    );
    let dead = false;
    for (const [n, place] of places.entries()) {
      const reading = readings[n];
      if (reading === undefined || reading.kind === "absent") {
        dead = true;
      } else if (reading.kind === "unreadable" || belongs(reading.record, range, place)) {
        if (entries.length === range.limit) return { entries, next: start };
        entries.push({ ...reading, ...place });
      }
      start = place;
    }
    if (dead) onDead();
    if (places.length < wanted) return { entries, next: null };
    lookedAt += places.length;
    if (lookedAt >= MOST_LOOKED_AT) return { entries, next: start };
  }
}

/** Whether the job still stands where the index had it. */
function belongs(job: { status: string; statusAt: number; createdAt: number }, range: Range, place: Position): boolean {
  if (range.statuses === null) return job.createdAt === place.at;
  return range.statuses.includes(job.status) && job.statusAt === place.at;
}

async function findPlaces(
  session: RedisSession,
  range: Range,
  count: number,
  end: number,
): Promise<readonly Position[]> {
  const { statuses, where, order, after, before, start } = range;
  const newest = order === "newest";
  const reply = await session.read(
    ({ metadata: map, evaluate }) => {
      const ranges =
        statuses === null
          ? [where === null ? 0 : "", 0]
          : map.codes.filter(({ status }) => statuses.includes(status)).flatMap(({ code, ttlMs }) => [code, ttlMs]);
      const args = [
        ...[map.edition, newest ? 1 : 0, count, start?.at ?? "", start?.id ?? ""],
        ...[after === null ? 0 : after + 1, before === null ? LAST_MOMENT : before - 1],
      ];
      if (where !== null) {
        const field = fieldText(where.field, where.value);
        return evaluate(scripts.find, indexKeys(session.keys), [...args, field, ...ranges]);
      }
      const index = statuses === null ? session.keys.creations : session.keys.statuses;
      return evaluate(scripts.page, [session.keys.map, index], [...args, ...ranges]);
    },
    { end },
  );
  session.confirmMetadata();
  const places = reply.slice(1).flatMap((members) => readPlaces(members as readonly string[]));
  const direction = newest ? -1 : 1;
  return places.sort((a, b) => comparePositions(a, b) * direction).slice(0, count);
}

/** Members and their scores, or their times, in turn. */
function readPlaces(members: readonly string[]): readonly Position[] {
  const places: Position[] = [];
  for (let n = 0; n < members.length; n += 2)
    places.push({ id: String(members[n]), at: Number(members[n + 1]) % SPAN });
  return places;
}

/** Live jobs by status; codes of one status add up. */
export async function countJobs(session: RedisSession): Promise<ReadonlyMap<string, number>> {
  const { reply, codes } = await session.read(async ({ metadata: { edition, codes }, evaluate }) => {
    const args = [edition, ...codes.flatMap(({ code, ttlMs }) => [code, ttlMs])];
    return { reply: await evaluate(scripts.counts, [session.keys.map, session.keys.statuses], args), codes };
  });
  session.confirmMetadata();
  const counts = new Map<string, number>();
  for (const { code, status } of codes) {
    counts.set(status, (counts.get(status) ?? 0) + Number(reply[code + 1]));
  }
  return counts;
}
