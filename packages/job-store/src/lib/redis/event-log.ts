import { onAbort } from "../abort.js";
import type { ChangeMetadata, EventLog, LoggedEvent, LogPage, LogPosition, ReadResult } from "../driver.js";
import { eventsRemoved, LOG_RESET, OLDER_DATA } from "../driver-rules.js";
import { unavailable } from "../errors.js";
import { DEFAULT_LARGEST, MAX_SCRIPT_BYTES } from "./index-metadata.js";
import type { Leases } from "./leases.js";
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
  readonly #leases: Leases;
  /** Position of the last wait for events, the time of the event there, and the number of interruptions before it. */
  #waited: { readonly position: LogPosition; readonly at: number | null; readonly interruptions: number } | undefined;

  constructor(session: RedisSession, reader: BlockingReader, leases: Leases) {
    this.#session = session;
    this.#reader = reader;
    this.#leases = leases;
  }

  async tail(): Promise<LogPosition> {
    const { keys } = this.#session;
    const [log, events] = await this.#session.read(({ client }) => client.hmget(keys.metadata, "log", "events"));
    return { log: log ?? "", number: Number(events ?? 0) };
  }

  async snapshot(id: string): Promise<{ job: ReadResult; position: LogPosition; now: number }> {
    const { keys } = this.#session;
    const reply = await this.#session.read(({ evaluate }) =>
      evaluate(scripts.snapshot, [keys.metadata, keys.job(id)], []),
    );
    const [, text, log, events, now, foreign] = reply as readonly [
      ...[string, string | null, string | null, string | null, number, string],
    ];
    const position = { log: log ?? "", number: Number(events ?? 0) };
    const [job] = await this.#leases.addTo([foreign === "1" ? WRONG_TYPE : readingOf(id, text)]);
    return { job: job as ReadResult, position, now };
  }

  async after(
    position: LogPosition,
    options: { limit: number; waitMs: number; signal: AbortSignal },
  ): Promise<LogPage> {
    // An entry may contain progress as large as the largest record.
    const fitting = Math.floor(MAX_SCRIPT_BYTES / (this.#session.knownMetadata?.largest ?? DEFAULT_LARGEST));
    const count = Math.min(options.limit, MAX_ENTRIES, Math.max(1, fitting));
    if (options.waitMs === 0) return this.#pageAfter(position, await this.#range(position, count), options);
    const { at } = await this.#lastWaited(position);
    const entries = await this.#wait(position, count, options.signal);
    const { interruptions } = this.#reader;
    if (!options.signal.aborted && (await this.#hasOlderData(position, interruptions))) {
      const tail = await this.tail();
      // The tail can have the same position and contain another event.
      this.#waited = undefined;
      return { events: [], position: tail, gap: OLDER_DATA };
    }
    const page = await this.#pageAfter(position, entries, options);
    const last = page.events.at(-1);
    this.#waited = { position: page.position, at: last === undefined ? at : last.at, interruptions };
    return page;
  }

  async #pageAfter(
    position: LogPosition,
    entries: readonly StreamEntry[],
    { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
  ): Promise<LogPage> {
    if (entries.length > 0) return pageOf(position, entries, limit);
    if (signal.aborted) return { events: [], position: position, gap: null };
    const tail = await this.tail();
    if (tail.log !== position.log) return { events: [], position: { log: tail.log, number: 0 }, gap: LOG_RESET };
    return tail.number < position.number
      ? { events: [], position: tail, gap: OLDER_DATA }
      : { events: [], position, gap: null };
  }

  async #lastWaited(position: LogPosition) {
    const { log, number } = this.#waited?.position ?? { log: "", number: -1 };
    if (this.#waited === undefined || log !== position.log || number !== position.number) {
      const { interruptions } = this.#reader;
      this.#waited = { position, at: await this.#timeOf(position), interruptions };
    }
    return this.#waited;
  }

  /**
   * Returns true if the server has another event at this position, or none any more: it restarted with older data, or another server
   * has taken over. Its log may have reached the same length again.
   */
  async #hasOlderData(position: LogPosition, interruptions: number): Promise<boolean> {
    const waited = await this.#lastWaited(position);
    if (waited.interruptions === interruptions || waited.at === null) return false;
    return (await this.#timeOf(position)) !== waited.at;
  }

  /** Returns the time of the event at a position. null: there is no such event. */
  async #timeOf(position: LogPosition): Promise<number | null> {
    const { events } = this.#session.keys;
    const [entry] = await this.#session.read(({ client }) => client.xrange(events, idOf(position), "+", "COUNT", 1));
    const found = entry === undefined ? [] : readEntry(entry);
    return (
      found.find((event) => event.position.log === position.log && event.position.number === position.number)?.at ??
      null
    );
  }

  close(): void {
    this.#reader.close();
  }

  #range(position: LogPosition, limit: number): Promise<readonly StreamEntry[]> {
    const { events } = this.#session.keys;
    return this.#session.read(({ client }) => client.xrange(events, `(${idOf(position)}`, "+", "COUNT", limit));
  }

  /** Waits for entries. After `signal` aborts, the blocking read ends by itself. @throws JobStoreError UNAVAILABLE */
  #wait(position: LogPosition, limit: number, signal: AbortSignal): Promise<readonly StreamEntry[]> {
    return new Promise((resolve, reject) => {
      const withdraw = onAbort(signal, () => resolve([]));
      this.#reader
        .read(this.#session.keys.events, idOf(position), limit)
        .then(resolve, () => reject(unavailable("The event log cannot be read. Reading it again may succeed.", false)))
        .finally(withdraw);
    });
  }
}

function idOf({ number, log }: LogPosition): string {
  return `${number}-${log === "" ? 0 : log}`;
}

/** Returns the events after a position. If the first one is not the next, events were trimmed, or the log is a new one. */
function pageOf(position: LogPosition, entries: readonly StreamEntry[], limit: number): LogPage {
  const read = entries
    .flatMap(readEntry)
    .filter((event) => event.position.log !== position.log || event.position.number > position.number);
  const events = read.slice(0, limit);
  const first = events[0]?.position;
  const last =
    read.length > limit ? (events.at(-1)?.position ?? position) : positionOf(entries.at(-1)?.[0] ?? idOf(position));
  if (first === undefined || (first.log === position.log && first.number === position.number + 1)) {
    return { events, position: last, gap: null };
  }
  const gap = first.log === position.log ? eventsRemoved(first.number - position.number - 1) : LOG_RESET;
  return { events, position: last, gap };
}

/** Reads the events of an entry. An entry that another application has added has none. */
function readEntry([entryId, [, text = ""]]: StreamEntry): readonly LoggedEvent[] {
  const { log, number } = positionOf(entryId);
  try {
    const events = text.split("\n").flatMap(readLine);
    return events.map(
      (event, n) => ({ ...event, position: { log, number: number - events.length + 1 + n } }) as LoggedEvent,
    );
  } catch {
    return [];
  }
}

/** Reads a line: an event, and the ids of the jobs to which it happened. */
function readLine(text: string): readonly Omit<LoggedEvent, "position">[] {
  const { ids, remark, ...event }: { ids: readonly string[]; remark?: ChangeMetadata } & LoggedEvent = JSON.parse(text);
  return ids.map((id) => ({ ...event, id, ...(remark?.by !== undefined && { by: remark.by }) }));
}

function positionOf(entryId: string): LogPosition {
  const [number, log = ""] = entryId.split("-");
  return { log, number: Number(number) };
}
