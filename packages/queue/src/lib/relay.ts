import { checkOptions, invalid, type KeysOf } from "./arguments.js";
import type { Broker } from "./broker.js";
import { checkDefinition, type QueueDefinition } from "./definition.js";
import { QueueError } from "./errors.js";
import { pause } from "./pause.js";
import { type RelayEntry, readEntry } from "./relay-entry.js";

/** Where messages wait for a relay. Structural, so any store can offer one. */
export interface RelayOutbox {
  /**
   * Hands out up to `limit` entries, oldest first; if there are none, it may wait up to `waitMs` milliseconds for some, until
   * `signal` aborts. What is neither acknowledged nor rejected must be handed out again some time later: after `claimMs`
   * milliseconds where the outbox has claims.
   */
  read(options?: {
    readonly limit?: number;
    readonly waitMs?: number;
    readonly claimMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<readonly RelayEntry[]>;
  /** These are published, and need not be handed out again. */
  ack(entryIds: readonly string[]): Promise<void>;
  /** These can never be published. Without this method they come, and are reported, again and again. */
  reject?(entryIds: readonly string[], reason: string): Promise<void>;
}

/** A relay at work. */
export interface Relay extends AsyncDisposable {
  /** How many messages it has had confirmed. */
  readonly published: number;
  /** Stops reading, finishes what is in hand, and settles, after 15 seconds at the latest. */
  close(): Promise<void>;
}

const READ_LIMIT = 200;
const READ_WAIT_MS = 1_000;
/** An outbox that does not wait for entries by itself is asked this often. */
const IDLE_PAUSE_MS = 100;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** What a batch in hand may take once the relay closes: longer than a publish by the driver's default. */
const CLOSE_LIMIT_MS = 15_000;
const CLAIM_MS = 30_000;
/** So long entries that found no broker stay in hand: until the claim is over, so that they are the next to be handed out. */
const HOLD_MS = CLAIM_MS + 5_000;
/** Entries confirmed and not yet acknowledged that are remembered, so as not to be published twice. */
const MOST_REMEMBERED = 10_000;

const RELAY_OPTIONS: KeysOf<Parameters<typeof createRelay>[0]> = {
  outbox: true,
  broker: true,
  queues: true,
  onError: true,
};

/**
 * Publishes what an outbox holds, then acknowledges it: at-least-once, with the entry's id as message id. One relay
 * publishes in the outbox's order; a publish that had to be repeated, or several relays side by side, may change it. An
 * entry that can never be published (unknown queue, payload refused by its schema) is rejected with the reason and holds up
 * nothing. One stored under an older version of its queue is lifted to the present one first; one of a newer version stays
 * for a relay that knows it. Starts at once.
 *
 * @param options.outbox where the messages wait
 * @param options.broker publishes them; the relay does not close it
 * @param options.queues every queue that an entry may name
 * @param options.onError receives the errors of reads, publishes and acknowledgements, each of which is repeated (an
 *   UNROUTABLE publish once immediately, and then when the outbox returns the entry again), and of
 *   entries that were rejected
 * @throws QueueError INVALID_ARGUMENT
 */
export function createRelay(options: {
  readonly outbox: RelayOutbox;
  readonly broker: Broker;
  readonly queues: readonly QueueDefinition[];
  readonly onError?: ((error: unknown) => void) | undefined;
}): Relay {
  if (!Array.isArray(options?.queues)) return invalid("A relay needs the definitions of the queues it publishes to.");
  for (const queue of options.queues) checkDefinition(queue);
  if (typeof options.outbox?.read !== "function" || typeof options.outbox.ack !== "function") {
    return invalid("A relay needs an outbox with read and ack.");
  }
  if (typeof options.broker?.publish !== "function") return invalid("A relay needs a broker.");
  checkOptions(options, RELAY_OPTIONS, "createRelay");
  return new RunningRelay(options);
}

type Result =
  | { readonly kind: "confirmed" }
  /** Nobody took it: it stays in hand until the broker is back. */
  | { readonly kind: "away" }
  /** Not by this relay, or not now: the outbox hands the entry out again. */
  | { readonly kind: "later" }
  | { readonly kind: "poisoned"; readonly reason: string };

class RunningRelay implements Relay {
  readonly #outbox: RelayOutbox;
  readonly #broker: Broker;
  readonly #queues: ReadonlyMap<string, QueueDefinition>;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #stop = new AbortController();
  /** Confirmed, and the outbox does not know yet. */
  readonly #confirmed = new Set<string>();
  /** Entries in hand that found no broker, and how long they stay. */
  #held: { readonly entries: readonly RelayEntry[]; readonly until: number } = { entries: [], until: 0 };
  readonly #running: Promise<void>;
  #published = 0;

  constructor(options: Parameters<typeof createRelay>[0]) {
    this.#outbox = options.outbox;
    this.#broker = options.broker;
    this.#queues = new Map(options.queues.map((queue) => [queue.name, queue]));
    this.#onError = options.onError;
    this.#running = this.#run();
  }

  get published(): number {
    return this.#published;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const timer = new AbortController();
    const late = pause(CLOSE_LIMIT_MS, { signal: timer.signal });
    await Promise.race([this.#running, late]);
    timer.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      const askedAt = performance.now();
      try {
        const entries = this.#held.entries.length > 0 ? this.#held.entries : await this.#read();
        const wentWell = await this.#relay(entries);
        failures = wentWell ? 0 : failures + 1;
        if (entries.length === 0 && performance.now() - askedAt < IDLE_PAUSE_MS) await this.#pause(IDLE_PAUSE_MS);
      } catch (error) {
        failures++;
        this.#report(error);
      }
      if (failures > 0) await this.#pause(Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures));
    }
  }

  /** Ends with the relay even where the outbox does not heed the signal: what it then hands out is handed out again. */
  async #read(): Promise<readonly RelayEntry[]> {
    const { signal } = this.#stop;
    const read = this.#outbox.read({ limit: READ_LIMIT, waitMs: READ_WAIT_MS, claimMs: CLAIM_MS, signal });
    let onAbort: () => void = () => {};
    const aborted = new Promise<readonly RelayEntry[]>((resolve) => {
      onAbort = () => resolve([]);
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      return await Promise.race([read, aborted]);
    } catch (error) {
      if (signal.aborted) return [];
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (signal.aborted) read.catch(() => undefined);
    }
  }

  /** Publishes one batch and settles it with the outbox. Answers whether all of it is out of hand. */
  async #relay(entries: readonly RelayEntry[]): Promise<boolean> {
    const results = await Promise.all(entries.map((entry) => this.#publish(entry)));
    const poisoned = new Map<string, string[]>();
    let wentWell = true;
    for (const [index, result] of results.entries()) {
      const entryId = entries[index]?.entryId ?? "";
      if (result.kind === "confirmed") this.#confirmed.add(entryId);
      else if (result.kind !== "poisoned") wentWell = false;
      else poisoned.set(result.reason, [...(poisoned.get(result.reason) ?? []), entryId]);
    }
    this.#hold(
      entries.filter((_, index) => results[index]?.kind === "away"),
      results.some(({ kind }) => kind === "confirmed"),
    );
    const settled = await Promise.all([
      this.#acknowledge(),
      ...[...poisoned].map(([reason, entryIds]) => this.#reject(entryIds, reason)),
    ]);
    return wentWell && settled.every(Boolean);
  }

  /** Keeps what found no broker; but not for ever, nor beside others that the broker does take. */
  #hold(away: readonly RelayEntry[], isThere: boolean): void {
    const now = performance.now();
    const first = this.#held.entries.length === 0;
    const until = first ? now + HOLD_MS : this.#held.until;
    this.#held = { entries: first || (!isThere && now < until) ? away : [], until };
  }

  async #publish(entry: RelayEntry): Promise<Result> {
    if (this.#confirmed.has(entry.entryId)) return { kind: "confirmed" };
    const queue = this.#queues.get(entry.queue);
    if (queue === undefined) return this.#poisoned(`No queue of the name "${entry.queue}" is known to this relay.`);
    const readable = readEntry(queue, entry);
    if ("fault" in readable) return this.#unreadable(entry, readable);
    const publish = () => this.#broker.publish(queue, readable.payload, { id: entry.id, headers: readable.headers });
    try {
      await publish().catch((error: unknown) => {
        if (!QueueError.is(error, "UNROUTABLE")) throw error;
        this.#report(error);
        // The queue was deleted. The next publish declares it again.
        return publish();
      });
      this.#published++;
      return { kind: "confirmed" };
    } catch (error) {
      this.#report(error);
      if (QueueError.is(error, "INVALID_PAYLOAD") || QueueError.is(error, "INVALID_ARGUMENT")) {
        return { kind: "poisoned", reason: error.message };
      }
      return { kind: QueueError.is(error, "UNAVAILABLE") || QueueError.is(error, "TIMEOUT") ? "away" : "later" };
    }
  }

  #unreadable({ id, queue }: RelayEntry, { fault, kind }: { fault: string; kind: "poisoned" | "later" }): Result {
    const reason = `The entry for queue "${queue}" cannot be read. ${fault}`;
    this.#report(new QueueError("INVALID_PAYLOAD", reason, { queue, messageId: id }));
    return kind === "later" ? { kind } : { kind, reason };
  }

  #poisoned(reason: string): Result {
    this.#report(new QueueError("INVALID_ARGUMENT", reason));
    return { kind: "poisoned", reason };
  }

  async #acknowledge(): Promise<boolean> {
    if (this.#confirmed.size === 0) return true;
    const entryIds = [...this.#confirmed];
    try {
      await this.#outbox.ack(entryIds);
      for (const entryId of entryIds) this.#confirmed.delete(entryId);
      return true;
    } catch (error) {
      this.#report(error);
      for (const entryId of entryIds.slice(0, -MOST_REMEMBERED)) this.#confirmed.delete(entryId);
      return false;
    }
  }

  async #reject(entryIds: readonly string[], reason: string): Promise<boolean> {
    try {
      await this.#outbox.reject?.(entryIds, reason);
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, { signal: this.#stop.signal });
  }

  #report(error: unknown): void {
    try {
      this.#onError?.(error);
    } catch {
      // A failing logger must not stop the relay.
    }
  }
}
