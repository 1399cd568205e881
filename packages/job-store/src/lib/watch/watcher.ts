import { isAborted, onAbort, stoppable, unlessAborted } from "../abort.js";
import { checkId, checkInteger, invalid } from "../arguments.js";
import { readEventCursor, writeEventCursor } from "../cursor.js";
import type { JobDefinition } from "../definition.js";
import type { JobStorage, LogPosition, ReadResult } from "../driver.js";
import { JobStoreError, notFound } from "../errors.js";
import type { JobEvent } from "../events.js";
import type { Job } from "../job.js";
import { type InFlightCalls, storeClosed } from "../store/in-flight-calls.js";
import { gapOf, isRewound, type QueuedEvent, SharedLogReader, Subscription } from "./shared-log-reader.js";

/** Decodes the records that a watcher reads. */
export interface JobDecoder<D extends JobDefinition> {
  readonly definition: D;
  readJob(id: string, result: ReadResult): Job<D> | null;
}

/** Implements `watch` and `waitFor` of one store. All calls share one reader per log. */
export class Watcher<D extends JobDefinition> {
  readonly #decoder: JobDecoder<D>;
  readonly #storage: JobStorage;
  readonly #calls: InFlightCalls;
  readonly #readers: readonly SharedLogReader[];
  /** Difference between the storage's clock and performance.now at the last snapshot, in milliseconds, by log. */
  readonly #clockOffsets = new Map<SharedLogReader, number>();

  constructor(decoder: JobDecoder<D>, storage: JobStorage, calls: InFlightCalls) {
    this.#decoder = decoder;
    this.#storage = storage;
    this.#calls = calls;
    this.#readers = storage.logs.map((log) => new SharedLogReader(log, calls.signal));
  }

  watch(target: string | { readonly after?: string | undefined } | undefined, signal: AbortSignal | undefined) {
    const given = signal === undefined ? [] : [signal];
    if (typeof target === "string") {
      const id = checkId(target);
      return stoppable((stop) => this.#watchJob(id, [stop, ...given]));
    }
    if (target !== undefined && (typeof target !== "object" || target === null)) {
      return invalid("`watch` requires a job id, or { after } with the cursor of an event.");
    }
    const { name } = this.#decoder.definition;
    const after = target?.after === undefined ? null : readEventCursor(name, this.#readers.length, target.after);
    return stoppable((stop) => this.#watchAll(after, [stop, ...given]));
  }

  async waitFor(
    id: string,
    until: ReadonlySet<string>,
    options: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<Job<D>> {
    checkId(id);
    const { timeoutMs, signal } = options;
    const deadline =
      timeoutMs === undefined
        ? Number.POSITIVE_INFINITY
        : performance.now() + checkInteger(timeoutMs, "timeoutMs", 0, MAX_TIMER_MS);
    let status: string | undefined;
    for (let minDelayMs = 0; ; minDelayMs = READ_AGAIN_MS) {
      signal?.throwIfAborted();
      const restart = new AbortController();
      const stops = signal === undefined ? [restart.signal] : [restart.signal, signal];
      const timers: NodeJS.Timeout[] = [];
      const restartIn = (ms: number) => {
        timers.push(setTimeout(() => restart.abort(), Math.min(Math.max(ms, 0), MAX_TIMER_MS)));
      };
      if (deadline < Number.POSITIVE_INFINITY) restartIn(deadline - performance.now());
      try {
        for await (const event of this.#watchJob(id, stops)) {
          const job = event.type === "snapshot" ? event.job : await this.#jobAfter(event, id, stops);
          if (job === undefined) continue;
          if (job === null) throw notFound(id);
          status = job.status;
          if (until.has(job.status) || ("to" in event && until.has(event.to))) return job;
          // Expiry emits no event, so the job is read again when it should have expired.
          if (job.expiresAt !== null) restartIn(Math.max(job.expiresAt.getTime() + 1 - this.#now(id), minDelayMs));
        }
      } finally {
        for (const timer of timers) clearTimeout(timer);
      }
      signal?.throwIfAborted();
      if (this.#calls.closed) throw storeClosed();
      if (performance.now() >= deadline) {
        const expected = [...until].map((one) => `"${one}"`).join(" or ");
        const current = status === undefined ? "" : ` (current status: "${status}")`;
        const message = `Timeout: job ${id} did not reach ${expected} within ${timeoutMs} ms${current}.`;
        throw new JobStoreError("TIMEOUT", message, { jobId: id });
      }
    }
  }

  /** Returns the time of the storage's clock. A snapshot of the job must have been read before. */
  #now(id: string): number {
    return performance.now() + (this.#clockOffsets.get(this.#readerOf(id)) as number);
  }

  /** Returns the reader of the log that contains the events of this job. */
  #readerOf(id: string): SharedLogReader {
    return this.#readers[this.#storage.logOf(id)] as SharedLogReader;
  }

  /** Reads the job after an event that can end a wait or change the job's expiry. null: deleted. undefined: other events. */
  async #jobAfter(event: JobEvent<D>, id: string, stops: readonly AbortSignal[]): Promise<Job<D> | null | undefined> {
    if (event.type === "deleted") return null;
    if (event.type === "progress") return undefined;
    const results = await this.#call(() => this.#storage.read([id]), [this.#calls.signal, ...stops]);
    return results === null ? undefined : this.#decoder.readJob(id, results[0] ?? { kind: "absent" });
  }

  /** Resolves to null when a signal aborts, even if the server never replies. */
  #call<T>(call: () => Promise<T>, ends: readonly AbortSignal[]): Promise<T | null> {
    return unlessAborted(this.#calls.run(call), ends);
  }

  async *#watchJob(id: string, signals: readonly AbortSignal[]): AsyncGenerator<JobEvent<D>, void, undefined> {
    const reader = this.#readerOf(id);
    const subscription = new Subscription(id);
    // Subscribes before it reads the snapshot, so that no later event is missed.
    yield* this.#listen([reader], subscription, signals, async function* (this: Watcher<D>, ends) {
      const snapshot = await this.#call(() => reader.log.snapshot(id), ends);
      if (snapshot === null) return;
      const { job, position, now } = snapshot;
      this.#clockOffsets.set(reader, now - performance.now());
      const positions = new Map([[reader, position]]);
      reader.start(position);
      yield { type: "snapshot", job: this.#decoder.readJob(id, job), cursor: this.#cursor(positions) };
      yield* this.#follow(subscription, positions);
    });
  }

  async *#watchAll(
    after: readonly (LogPosition | null)[] | null,
    signals: readonly AbortSignal[],
  ): AsyncGenerator<JobEvent<D>, void, undefined> {
    const subscription = new Subscription(null);
    yield* this.#listen(this.#readers, subscription, signals, async function* (this: Watcher<D>, ends) {
      const startOf = (reader: SharedLogReader, n: number) => after?.[n] ?? this.#call(() => reader.log.tail(), ends);
      const positions = new Map<SharedLogReader, LogPosition>();
      for (const [n, position] of (await Promise.all(this.#readers.map(startOf))).entries()) {
        if (position === null) return;
        positions.set(this.#readers[n] as SharedLogReader, position);
      }
      for (const [reader, position] of positions) {
        // A reader that runs already may be past the start of this watcher.
        if (reader.start(position)) yield* this.#catchUp(reader, positions, ends);
      }
      yield* this.#follow(subscription, positions);
    });
  }

  /** Runs `events` with a subscription to these logs, and ends it when a signal aborts or the store closes. */
  async *#listen(
    readers: readonly SharedLogReader[],
    subscription: Subscription,
    signals: readonly AbortSignal[],
    events: (this: Watcher<D>, ends: readonly AbortSignal[]) => AsyncGenerator<JobEvent<D>, void, undefined>,
  ): AsyncGenerator<JobEvent<D>, void, undefined> {
    if (this.#calls.closed) throw storeClosed();
    const ends = [this.#calls.signal, ...signals];
    if (isAborted(ends)) return;
    const withdraw = ends.map((end) => onAbort(end, () => subscription.end()));
    for (const reader of readers) reader.subscribe(subscription);
    try {
      yield* events.call(this, ends);
    } finally {
      for (const reader of readers) reader.unsubscribe(subscription);
      for (const each of withdraw) each();
    }
  }

  /** Reads the events up to the end of the log. Later ones are in the subscription already. */
  async *#catchUp(
    reader: SharedLogReader,
    positions: Map<SharedLogReader, LogPosition>,
    ends: readonly AbortSignal[],
  ): AsyncGenerator<JobEvent<D>, void, undefined> {
    for (;;) {
      const position = positions.get(reader) as LogPosition;
      const page = await this.#call(() => reader.pageAfter(position, 0), ends);
      if (isAborted(ends)) return;
      if (page === null) continue;
      const gap = gapOf(page, position);
      if (gap !== null) yield this.#toEvent({ ...gap, reader }, positions);
      for (const event of page.events) yield this.#toEvent({ ...event, reader }, positions);
      positions.set(reader, page.position);
      if (page.events.length === 0) return;
    }
  }

  /** Emits the events of a subscription that are after `positions`. A shared reader may be behind these. */
  async *#follow(
    subscription: Subscription,
    positions: Map<SharedLogReader, LogPosition>,
  ): AsyncGenerator<JobEvent<D>, void, undefined> {
    for (;;) {
      const events = await subscription.take();
      if (events === null) return;
      for (const event of events) {
        if (subscription.ended) return;
        const seen = positions.get(event.reader);
        const isOld = !isRewound(event) && seen?.log === event.position.log && event.position.number <= seen.number;
        if (!isOld) yield this.#toEvent(event, positions);
      }
    }
  }

  /** Converts an event, and moves the position of its log to it. */
  #toEvent(queued: QueuedEvent, positions: Map<SharedLogReader, LogPosition>): JobEvent<D> {
    const { reader, position, ...event } = queued;
    positions.set(reader, position);
    const cursor = this.#cursor(positions);
    if (event.type === "resync") return { type: event.type, reason: event.reason, cursor };
    // The compiler cannot see that the logged statuses and progress are those of the definition.
    return { ...event, at: new Date(event.at), cursor } as JobEvent<D>;
  }

  #cursor(positions: ReadonlyMap<SharedLogReader, LogPosition>): string {
    return writeEventCursor(
      this.#decoder.definition.name,
      this.#readers.map((reader) => positions.get(reader) ?? null),
    );
  }
}

/** Pause between reads of a job that should have expired, in milliseconds. */
const READ_AGAIN_MS = 250;

/** Maximum delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;
