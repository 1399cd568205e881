import { setTimeout as delay } from "node:timers/promises";
import { JobStoreError } from "../errors.js";
import type { DashboardJobStore } from "./options.js";
import type { WatchLine } from "./protocol.js";

/** Shortest time between two lines, in milliseconds. */
const LINE_MS = 500;

/** Time after which the counts are read although no job has changed, because expired jobs emit no events. */
const IDLE_MS = 15_000;

/** Time after which a stream ends. The page opens it again, and its permission is checked again. */
const STREAM_MS = 600_000;

/** Pause after the watch of the store has failed. */
const RETRY_MS = 1000;

/** Maximum number of ids in a line. */
const MAX_CHANGED = 500;

/** Maximum number of pages that listen to a store, in this process. */
const MAX_LISTENERS = 1000;

/** Page that listens. Lines that it has not read yet are merged. */
class Listener {
  /** Ids of the jobs that changed since the last line. null: unknown. At first, the changes before the stream are unknown. */
  #changed: Set<string> | null = null;
  #due: "line" | "empty line" | "end" | null = null;
  #wake = () => {};

  get hasChanges(): boolean {
    return this.#changed === null || this.#changed.size > 0;
  }

  note(id: string | null): void {
    if (id === null || this.#changed?.size === MAX_CHANGED) this.#changed = null;
    else this.#changed?.add(id);
  }

  offer(due: "line" | "empty line" | "end"): void {
    if (this.#due === "end" || (this.#due === "line" && due === "empty line")) return;
    this.#due = due;
    this.#wake();
  }

  /** Returns the next text of the stream. null: it has ended. */
  async read(lineOf: (changed: readonly string[] | null) => Promise<WatchLine>): Promise<string | null> {
    while (this.#due === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#due === "end") return null;
    const isLine = this.#due === "line";
    this.#due = null;
    if (!isLine) return "\n";
    const changed = this.#changed && [...this.#changed];
    this.#changed = new Set();
    return `${JSON.stringify(await lineOf(changed))}\n`;
  }
}

/** Watch of one store that all pages of this process share. It runs while a page listens. */
export class SharedWatch {
  readonly #store: DashboardJobStore;
  readonly #now: () => Promise<Date>;
  readonly #listeners = new Set<Listener>();
  #running: AbortController | null = null;
  #counts: WatchLine["counts"] = {};
  #isClosed = false;

  /** @param now returns the time by the clock of the store */
  constructor(store: DashboardJobStore, now: () => Promise<Date>) {
    this.#store = store;
    this.#now = now;
  }

  /** True if no further page may listen. */
  get isFull(): boolean {
    return this.#listeners.size >= MAX_LISTENERS;
  }

  /** Returns lines of JSON, until the page disconnects. */
  stream(request: { readonly signal: AbortSignal }): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    const listener = new Listener();
    // The timer and this function keep the request in memory. Node 20 aborts the signal only while the request is there.
    const leave = () => {
      request.signal.removeEventListener("abort", leave);
      this.#leave(listener, timer);
    };
    const timer = setTimeout(leave, STREAM_MS).unref();
    if (request.signal.aborted || this.#isClosed) leave();
    else this.#listeners.add(listener);
    request.signal.addEventListener("abort", leave);
    this.#start();
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const text = await listener.read((changed) => this.#line(changed));
          if (text === null) controller.close();
          else controller.enqueue(encoder.encode(text));
        },
        cancel: leave,
      },
      // Nothing is buffered, so that the lines of a slow page are merged.
      { highWaterMark: 0 },
    );
  }

  /** Ends all streams. Later ones end at once. */
  close(): void {
    this.#isClosed = true;
    this.#endAll();
  }

  #endAll(): void {
    for (const listener of this.#listeners) this.#leave(listener);
  }

  #leave(listener: Listener, timer?: NodeJS.Timeout): void {
    clearTimeout(timer);
    listener.offer("end");
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#running?.abort();
    this.#running = null;
  }

  #start(): void {
    if (this.#running !== null || this.#listeners.size === 0) return;
    this.#running = new AbortController();
    void this.#follow(this.#running.signal);
    void this.#publish(this.#running.signal);
  }

  /** Notes the changes of the store for each page. */
  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const event of this.#store.watch(undefined, { signal })) {
          this.#note(event.type === "resync" || event.type === "snapshot" ? null : event.id);
        }
        // The store was closed.
        if (!signal.aborted) this.#endAll();
      } catch (error) {
        if (JobStoreError.is(error, "CLOSED")) return this.#endAll();
        this.#note(null);
        await pause(RETRY_MS, signal);
      }
    }
  }

  #note(id: string | null): void {
    for (const listener of this.#listeners) listener.note(id);
  }

  /** Offers a line to each page that has changes, at most twice a second. While the store is unavailable, changes wait. */
  async #publish(signal: AbortSignal): Promise<void> {
    let readAt = performance.now();
    while (!signal.aborted) {
      await pause(LINE_MS, signal);
      const isIdle = performance.now() - readAt >= IDLE_MS;
      if (!isIdle && ![...this.#listeners].some(({ hasChanges }) => hasChanges)) continue;
      const counts = await this.#store.counts().catch(() => null);
      const isNew = counts !== null && JSON.stringify(counts) !== JSON.stringify(this.#counts);
      if (counts !== null) this.#counts = counts;
      if (counts !== null || isIdle) readAt = performance.now();
      for (const listener of this.#listeners) {
        if (counts !== null && (isNew || listener.hasChanges)) listener.offer("line");
        else if (isIdle) listener.offer("empty line");
      }
    }
  }

  async #line(changed: readonly string[] | null): Promise<WatchLine> {
    const now = await this.#now().catch(() => new Date());
    return { changed, counts: this.#counts, now: now.toISOString() };
  }
}

/** Waits for a time, or until the signal aborts. Does not keep the process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {});
}
