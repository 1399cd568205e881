import { onAbort } from "../abort.js";
import { checkId, checkWhole, invalid } from "../arguments.js";
import type { Calls } from "../calls.js";
import { readEventCursor, writeEventCursor } from "../cursor.js";
import type { JobDefinition } from "../definition.js";
import type { JobStorage, Place, Reading } from "../driver.js";
import { JobStoreError } from "../errors.js";
import type { Job } from "../job.js";
import { leavable } from "../leavable.js";
import type { JobEvent } from "../store.js";
import { Feed, gapOf } from "./feed.js";
import { unlessAborted } from "./give-up.js";
import { isRewound, type News, Subscription } from "./subscription.js";

/** How records become jobs and logged progress becomes progress: the store's business. */
export interface Reader<D extends JobDefinition> {
  readonly definition: D;
  readJob(id: string, reading: Reading): Job<D> | null;
}

/** The watching of one store: all watchers of a log share one reader of it. */
export class Watcher<D extends JobDefinition> {
  readonly #reader: Reader<D>;
  readonly #storage: JobStorage;
  readonly #calls: Calls;
  readonly #feeds: readonly Feed[];
  /** Difference between the storage's clock and performance.now at the last snapshot, in milliseconds, by feed. */
  readonly #clocks = new Map<Feed, number>();

  constructor(reader: Reader<D>, storage: JobStorage, calls: Calls) {
    this.#reader = reader;
    this.#storage = storage;
    this.#calls = calls;
    this.#feeds = storage.logs.map((log) => new Feed(log, calls.signal));
  }

  watch(target: string | { readonly after?: string | undefined } | undefined, signal: AbortSignal | undefined) {
    const given = signal === undefined ? [] : [signal];
    if (typeof target === "string") {
      const id = checkId(target);
      return leavable((left) => this.#watchJob(id, [left, ...given]));
    }
    if (target !== undefined && (typeof target !== "object" || target === null)) {
      return invalid("watch takes a job's id, or { after } with the cursor of an event.");
    }
    const { name } = this.#reader.definition;
    const after = target?.after === undefined ? null : readEventCursor(name, this.#feeds.length, target.after);
    return leavable((left) => this.#watchAll(after, [left, ...given]));
  }

  async waitFor(
    id: string,
    until: ReadonlySet<string>,
    options: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<Job<D>> {
    checkId(id);
    const { timeoutMs, signal } = options;
    const timeUp =
      timeoutMs === undefined
        ? Number.POSITIVE_INFINITY
        : performance.now() + checkWhole(timeoutMs, "timeoutMs", 0, MOST_MS);
    for (let patience = 0; ; patience = LOOK_AGAIN_MS) {
      signal?.throwIfAborted();
      const look = new AbortController();
      const stops = signal === undefined ? [look.signal] : [look.signal, signal];
      const timers: NodeJS.Timeout[] = [];
      const lookAgainIn = (ms: number) => {
        timers.push(setTimeout(() => look.abort(), Math.min(Math.max(ms, 0), MOST_MS)));
      };
      if (timeUp < Number.POSITIVE_INFINITY) lookAgainIn(timeUp - performance.now());
      try {
        for await (const event of this.#watchJob(id, stops)) {
          const job = event.type === "snapshot" ? event.job : await this.#jobAfter(event, id, stops);
          if (job === undefined) continue;
          if (job === null) throw gone(id);
          if (until.has(job.status) || ("to" in event && until.has(event.to))) return job;
          // Expiry makes no event.
          if (job.expiresAt !== null) lookAgainIn(Math.max(job.expiresAt.getTime() + 1 - this.#now(id), patience));
        }
      } finally {
        for (const timer of timers) clearTimeout(timer);
      }
      signal?.throwIfAborted();
      if (this.#calls.closed) throw new JobStoreError("CLOSED", "The store was closed while waiting for the job.");
      if (performance.now() >= timeUp) {
        const wanted = [...until].join(" or ");
        throw new JobStoreError("TIMEOUT", `Job ${id} did not become ${wanted} within ${timeoutMs} ms.`, { jobId: id });
      }
    }
  }

  /** Returns the time of the storage's clock. A snapshot of the job must have been read before. */
  #now(id: string): number {
    return performance.now() + (this.#clocks.get(this.#feedOf(id)) as number);
  }

  #feedOf(id: string): Feed {
    return this.#feeds[this.#storage.logOf(id)] as Feed;
  }

  /** The job after an event that may end a wait or change when the job expires: null if it is gone, undefined for others. */
  async #jobAfter(event: JobEvent<D>, id: string, stops: readonly AbortSignal[]): Promise<Job<D> | null | undefined> {
    if (event.type === "deleted") return null;
    if (event.type === "progress") return undefined;
    const readings = await this.#ask(() => this.#storage.read([id]), [this.#calls.signal, ...stops]);
    return readings === null ? undefined : this.#reader.readJob(id, readings[0] ?? { kind: "absent" });
  }

  /** A server that says nothing keeps nobody who wants to leave; null: somebody does. */
  #ask<T>(call: () => Promise<T>, ends: readonly AbortSignal[]): Promise<T | null> {
    return unlessAborted(this.#calls.run(call), ends);
  }

  async *#watchJob(id: string, signals: readonly AbortSignal[]): AsyncGenerator<JobEvent<D>, void, undefined> {
    const feed = this.#feedOf(id);
    const subscription = new Subscription(id);
    // Listening first: whatever happens after the snapshot was taken is then among the news.
    yield* this.#listen([feed], subscription, signals, async function* (this: Watcher<D>, ends) {
      const snapshot = await this.#ask(() => feed.log.snapshot(id), ends);
      if (snapshot === null) return;
      const { reading, place, now } = snapshot;
      this.#clocks.set(feed, now - performance.now());
      const places = new Map([[feed, place]]);
      feed.start(place);
      yield { type: "snapshot", job: this.#reader.readJob(id, reading), cursor: this.#cursor(places) };
      yield* this.#follow(subscription, places);
    });
  }

  async *#watchAll(
    after: readonly (Place | null)[] | null,
    signals: readonly AbortSignal[],
  ): AsyncGenerator<JobEvent<D>, void, undefined> {
    const subscription = new Subscription(null);
    yield* this.#listen(this.#feeds, subscription, signals, async function* (this: Watcher<D>, ends) {
      const begin = (feed: Feed, n: number) => after?.[n] ?? this.#ask(() => feed.log.tail(), ends);
      const places = new Map<Feed, Place>();
      for (const [n, place] of (await Promise.all(this.#feeds.map(begin))).entries()) {
        if (place === null) return;
        places.set(this.#feeds[n] as Feed, place);
      }
      for (const [feed, place] of places) {
        // A feed that runs already may be further on than where this watcher begins.
        if (feed.start(place)) yield* this.#catchUp(feed, places, ends);
      }
      yield* this.#follow(subscription, places);
    });
  }

  async *#listen(
    feeds: readonly Feed[],
    subscription: Subscription,
    signals: readonly AbortSignal[],
    events: (this: Watcher<D>, ends: readonly AbortSignal[]) => AsyncGenerator<JobEvent<D>, void, undefined>,
  ): AsyncGenerator<JobEvent<D>, void, undefined> {
    if (this.#calls.closed) throw new JobStoreError("CLOSED", "The store is closed; create another one to go on.");
    const ends = [this.#calls.signal, ...signals];
    if (ends.some(({ aborted }) => aborted)) return;
    const withdraw = ends.map((end) => onAbort(end, () => subscription.end()));
    for (const feed of feeds) feed.subscribe(subscription);
    try {
      yield* events.call(this, ends);
    } finally {
      for (const feed of feeds) feed.unsubscribe(subscription);
      for (const each of withdraw) each();
    }
  }

  async *#catchUp(
    feed: Feed,
    places: Map<Feed, Place>,
    ends: readonly AbortSignal[],
  ): AsyncGenerator<JobEvent<D>, void, undefined> {
    for (;;) {
      const place = places.get(feed) as Place;
      const page = await this.#ask(() => feed.pageAfter(place, 0), ends);
      if (ends.some(({ aborted }) => aborted)) return;
      if (page === null) continue;
      const gap = gapOf(page, place);
      if (gap !== null) yield this.#toEvent({ ...gap, feed }, places);
      for (const event of page.events) yield this.#toEvent({ ...event, feed }, places);
      places.set(feed, page.place);
      if (page.events.length === 0) return;
    }
  }

  /** What is news to this watcher: a feed may be behind the place where it began. */
  async *#follow(subscription: Subscription, places: Map<Feed, Place>): AsyncGenerator<JobEvent<D>, void, undefined> {
    for (;;) {
      const news = await subscription.take();
      if (news === null) return;
      for (const one of news) {
        if (subscription.ended) return;
        const seen = places.get(one.feed);
        const old = !isRewound(one) && seen?.log === one.place.log && one.place.number <= seen.number;
        if (!old) yield this.#toEvent(one, places);
      }
    }
  }

  #toEvent(news: News, places: Map<Feed, Place>): JobEvent<D> {
    const { feed, place, ...event } = news;
    places.set(feed, place);
    const cursor = this.#cursor(places);
    if (event.type === "resync") return { type: event.type, reason: event.reason, cursor };
    // The definition's statuses and progress, as it wrote them.
    return { ...event, at: new Date(event.at), cursor } as JobEvent<D>;
  }

  #cursor(places: ReadonlyMap<Feed, Place>): string {
    return writeEventCursor(
      this.#reader.definition.name,
      this.#feeds.map((feed) => places.get(feed) ?? null),
    );
  }
}

/** Between looks at a job that should have expired. */
const LOOK_AGAIN_MS = 250;

/** The longest that a timer can run. */
const MOST_MS = 2 ** 31 - 1;

function gone(id: string): JobStoreError {
  return new JobStoreError("NOT_FOUND", `There is no job ${id} to wait for: it was never there, or is gone.`, {
    jobId: id,
  });
}
