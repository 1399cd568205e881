import { onAbort } from "../abort.js";
import type { EventLog, LoggedEvent, LogPage, Place, Reading, Remark } from "../driver.js";
import { unavailable } from "../errors.js";
import { DEFAULT_LARGEST, MAX_SCRIPT_BYTES } from "./index-metadata.js";
import { readingOf, WRONG_TYPE } from "./read-record.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";
import type { BlockingReader, StreamEntry } from "./stream-notifier.js";

/** Maximum number of entries in one read. Each entry has the events of one batch. */
const MAX_ENTRIES = 256;

/** Event log: a stream that lua/includes/publish.lua writes. The ids of its entries are `<number of the last event>-<log>`. */
export class RedisEventLog implements EventLog {
  readonly #session: RedisSession;
  readonly #reader: BlockingReader;
  /** Position of the last wait for events, the time of the event there, and the number of interruptions before it. */
  #waited: { readonly place: Place; readonly at: number | null; readonly interruptions: number } | undefined;

  constructor(session: RedisSession, reader: BlockingReader) {
    this.#session = session;
    this.#reader = reader;
  }

  async tail(): Promise<Place> {
    const { keys } = this.#session;
    const [log, events] = await this.#session.read(({ client }) => client.hmget(keys.metadata, "log", "events"));
    return { log: log ?? "", number: Number(events ?? 0) };
  }

  async snapshot(id: string): Promise<{ reading: Reading; place: Place; now: number }> {
    const { keys } = this.#session;
    const reply = await this.#session.read(({ evaluate }) =>
      evaluate(scripts.snapshot, [keys.metadata, keys.job(id)], []),
    );
    const [, text, log, events, now, foreign] = reply as readonly [
      ...[string, string | null, string | null, string | null, number, string],
    ];
    const place = { log: log ?? "", number: Number(events ?? 0) };
    return { reading: foreign === "1" ? WRONG_TYPE : readingOf(id, text), place, now };
  }

  async after(place: Place, options: { limit: number; waitMs: number; signal: AbortSignal }): Promise<LogPage> {
    // An entry may contain progress as large as the largest record.
    const fitting = Math.floor(MAX_SCRIPT_BYTES / (this.#session.knownMetadata?.largest ?? DEFAULT_LARGEST));
    const count = Math.min(options.limit, MAX_ENTRIES, Math.max(1, fitting));
    if (options.waitMs === 0) return this.#pageAfter(place, await this.#range(place, count), options);
    const { at } = await this.#lastWaited(place);
    const entries = await this.#wait(place, count, options.signal);
    const { interruptions } = this.#reader;
    if (!options.signal.aborted && (await this.#hasOlderData(place, interruptions))) {
      const tail = await this.tail();
      // The tail can have the same position and contain another event.
      this.#waited = undefined;
      return { events: [], place: tail, gap: OLDER_DATA };
    }
    const page = await this.#pageAfter(place, entries, options);
    const last = page.events.at(-1);
    this.#waited = { place: page.place, at: last === undefined ? at : last.at, interruptions };
    return page;
  }

  async #pageAfter(
    place: Place,
    entries: readonly StreamEntry[],
    { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
  ): Promise<LogPage> {
    if (entries.length > 0) return pageOf(place, entries, limit);
    if (signal.aborted) return { events: [], place, gap: null };
    const tail = await this.tail();
    if (tail.log !== place.log) return { events: [], place: { log: tail.log, number: 0 }, gap: LOG_RESET };
    return tail.number < place.number ? { events: [], place: tail, gap: OLDER_DATA } : { events: [], place, gap: null };
  }

  async #lastWaited(place: Place) {
    const { log, number } = this.#waited?.place ?? { log: "", number: -1 };
    if (this.#waited === undefined || log !== place.log || number !== place.number) {
      const { interruptions } = this.#reader;
      this.#waited = { place, at: await this.#timeOf(place), interruptions };
    }
    return this.#waited;
  }

  /**
   * Returns true if the server has another event at this position, or none any more: it restarted with older data, or another server
   * has taken over. Its log may have reached the same length again.
   */
  async #hasOlderData(place: Place, interruptions: number): Promise<boolean> {
    const waited = await this.#lastWaited(place);
    if (waited.interruptions === interruptions || waited.at === null) return false;
    return (await this.#timeOf(place)) !== waited.at;
  }

  /** Returns the time of the event at a position. null: there is no such event. */
  async #timeOf(place: Place): Promise<number | null> {
    const { events } = this.#session.keys;
    const [entry] = await this.#session.read(({ client }) => client.xrange(events, idOf(place), "+", "COUNT", 1));
    const found = entry === undefined ? [] : readEntry(entry);
    return found.find((event) => event.place.log === place.log && event.place.number === place.number)?.at ?? null;
  }

  close(): void {
    this.#reader.close();
  }

  #range(place: Place, limit: number): Promise<readonly StreamEntry[]> {
    const { events } = this.#session.keys;
    return this.#session.read(({ client }) => client.xrange(events, `(${idOf(place)}`, "+", "COUNT", limit));
  }

  /** Waits for entries. After `signal` aborts, the blocking read ends by itself. @throws JobStoreError UNAVAILABLE */
  #wait(place: Place, limit: number, signal: AbortSignal): Promise<readonly StreamEntry[]> {
    return new Promise((resolve, reject) => {
      const withdraw = onAbort(signal, () => resolve([]));
      this.#reader
        .read(this.#session.keys.events, idOf(place), limit)
        .then(resolve, () => reject(unavailable("The event log cannot be read. Reading it again may succeed.", false)))
        .finally(withdraw);
    });
  }
}

const OLDER_DATA = "the server has restarted with older data, or another server has taken over. Read the jobs again.";
const LOG_RESET = "the event log was reset, because the server lost its data. Read the jobs again.";

function idOf({ number, log }: Place): string {
  return `${number}-${log === "" ? 0 : log}`;
}

/** Returns the events after a position. If the first one is not the next, events were trimmed, or the log is a new one. */
function pageOf(place: Place, entries: readonly StreamEntry[], limit: number): LogPage {
  const read = entries
    .flatMap(readEntry)
    .filter((event) => event.place.log !== place.log || event.place.number > place.number);
  const events = read.slice(0, limit);
  const first = events[0]?.place;
  const last = read.length > limit ? (events.at(-1)?.place ?? place) : placeOf(entries.at(-1)?.[0] ?? idOf(place));
  if (first === undefined || (first.log === place.log && first.number === place.number + 1)) {
    return { events, place: last, gap: null };
  }
  const gap =
    first.log === place.log
      ? `${first.number - place.number - 1} events were removed from the event log (eventLogLength). Read the jobs again.`
      : LOG_RESET;
  return { events, place: last, gap };
}

/** Reads the events of an entry. An entry that another application has added has none. */
function readEntry([entryId, [, text = ""]]: StreamEntry): readonly LoggedEvent[] {
  const { log, number } = placeOf(entryId);
  try {
    const events = text.split("\n").flatMap(readLine);
    return events.map(
      (event, n) => ({ ...event, place: { log, number: number - events.length + 1 + n } }) as LoggedEvent,
    );
  } catch {
    return [];
  }
}

/** Reads a line: an event, and the ids of the jobs to which it happened. */
function readLine(text: string): readonly Omit<LoggedEvent, "place">[] {
  const { ids, remark, ...event }: { ids: readonly string[]; remark?: Remark } & LoggedEvent = JSON.parse(text);
  return ids.map((id) => ({ ...event, id, ...(remark?.by !== undefined && { by: remark.by }) }));
}

function placeOf(entryId: string): Place {
  const [number, log = ""] = entryId.split("-");
  return { log, number: Number(number) };
}
