import { checkListener, checkOptions, invalid, type KeysOf } from "./arguments.js";
import { checkDefinition, MAX_VERSION, type QueueDefinition, VERSION_HEADER, versionOf } from "./definition.js";
import { QueueError } from "./errors.js";
import { upcastPayload } from "./payload.js";
import { pause, withinTime } from "./timers.js";
import type { Broker } from "./types.js";

/** Entry of an outbox: one message. */
export interface RelayEntry {
  /** Id of the entry. `ack` and `reject` receive it. */
  readonly entryId: string;
  /** Message id. */
  readonly id: string;
  /** Name of the queue. */
  readonly queue: string;
  /** Payload. The queue's schema parses it before it is published. */
  readonly payload: unknown;
  /** Headers, as returned by `message`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Origin, passed on with the message; see `PublishOptions`. */
  readonly origin?: string | undefined;
}

/** Outbox that a relay reads. The type is structural, so any store can provide one. */
export interface RelayOutbox {
  /**
   * Returns up to `limit` entries, oldest first. If there are none, it may wait up to `waitMs` milliseconds for an entry, or until
   * `signal` aborts. Entries that are neither acknowledged nor rejected must be returned again later: after `claimMs`
   * milliseconds if the outbox supports claims.
   */
  read(options?: {
    readonly limit?: number;
    readonly waitMs?: number;
    readonly claimMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<readonly RelayEntry[]>;
  /** Acknowledges entries: they were published and must not be returned again. */
  ack(entryIds: readonly string[]): Promise<void>;
  /** Rejects entries that can never be published. Without this method, they are returned and reported repeatedly. */
  reject?(entryIds: readonly string[], reason: string): Promise<void>;
}

/** Running relay. */
export interface Relay extends AsyncDisposable {
  /** Number of messages that were confirmed. */
  readonly published: number;
  /** Stops reading, and publishes the entries of the current read. Ends after 15 seconds at the latest. */
  close(): Promise<void>;
}

const READ_LIMIT = 200;
const READ_WAIT_MS = 1_000;
/** Minimum time between two reads that return no entry. It applies to an outbox that ignores `waitMs`. */
const IDLE_PAUSE_MS = 100;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;
/** Maximum duration of `close`. Longer than a publish with the driver's default timeout. */
const CLOSE_TIMEOUT_MS = 15_000;
/** Time that a read has to end after the relay was closed. */
const END_READ_MS = 2_000;
const CLAIM_MS = 30_000;
/** Time for which unpublished entries stay in memory. It is longer than the claim, so that they are the next entries to read. */
const RETAIN_MS = CLAIM_MS + 5_000;
/** Maximum number of entries that are confirmed and not acknowledged yet. They are stored, so that none is published twice. */
const MAX_CONFIRMED = 10_000;

const RELAY_OPTIONS: KeysOf<Parameters<typeof createRelay>[0]> = {
  outbox: true,
  broker: true,
  queues: true,
  onError: true,
};

/**
 * Creates a relay and starts it. It publishes the entries of an outbox and then acknowledges them. Delivery is at-least-once, and
 * the `id` of an entry becomes the message id. A single relay publishes in the order of the outbox. If a publish is repeated, or
 * if several relays run at the same time, the order can change.
 *
 * An entry that can never be published (unknown queue, or invalid payload) is rejected with the reason and does not block other
 * entries. A payload of an older version is upcast first. An entry of a newer version stays in the outbox for a relay that
 * supports it.
 *
 * @param options.outbox outbox to read
 * @param options.broker broker that publishes the messages. The relay does not close it
 * @param options.queues definitions of all queues that entries can name
 * @param options.onError receives the errors of reads, publishes and acknowledgements, and the reasons of rejected entries. Each
 *   failed call is repeated. An UNROUTABLE publish is repeated once immediately, and then when the outbox returns the entry again
 * @throws QueueError INVALID_ARGUMENT
 */
export function createRelay(options: {
  readonly outbox: RelayOutbox;
  readonly broker: Broker;
  readonly queues: readonly QueueDefinition[];
  readonly onError?: ((error: unknown) => void) | undefined;
}): Relay {
  if (!Array.isArray(options?.queues)) return invalid("createRelay needs queues: an array of queue definitions.");
  for (const queue of options.queues) checkDefinition(queue);
  if (typeof options.outbox?.read !== "function" || typeof options.outbox.ack !== "function") {
    return invalid("createRelay needs an outbox with the methods read and ack.");
  }
  if (typeof options.broker?.publish !== "function") return invalid("createRelay needs a broker made by createBroker.");
  checkOptions(options, RELAY_OPTIONS, "createRelay");
  checkListener(options.onError, "onError");
  return new RunningRelay(options);
}

/** Result of one entry. */
type EntryResult =
  | { readonly kind: "confirmed" }
  /** The broker is unavailable. The entry is published again after a pause. */
  | { readonly kind: "unavailable" }
  /** This relay cannot publish the entry now. The outbox returns it again later. */
  | { readonly kind: "skipped" }
  | { readonly kind: "rejected"; readonly reason: string };

class RunningRelay implements Relay {
  readonly #outbox: RelayOutbox;
  readonly #broker: Broker;
  readonly #queues: ReadonlyMap<string, QueueDefinition>;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #stop = new AbortController();
  /** Ids of entries that are confirmed and not acknowledged yet. */
  readonly #confirmed = new Set<string>();
  /** Entries that could not be published because the broker was unavailable, and the time until which they stay in memory. */
  #retained: { readonly entries: readonly RelayEntry[]; readonly until: number } = { entries: [], until: 0 };
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
    await withinTime(this.#running, CLOSE_TIMEOUT_MS);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        const entries = this.#retained.entries.length > 0 ? this.#retained.entries : await this.#read();
        const result = await this.#relay(entries);
        if (result === "complete") failures = 0;
        else failures = result === "partial" ? 1 : failures + 1;
        if (entries.length === 0 && performance.now() - startedAt < IDLE_PAUSE_MS) await this.#pause(IDLE_PAUSE_MS);
      } catch (error) {
        failures++;
        this.#report(error);
      }
      if (failures > 0) await this.#pause(Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures));
    }
  }

  /**
   * Reads entries. If the relay closes during the read, the entries that the outbox still returns are published: the outbox has claimed
   * them. An outbox that ignores the signal has `END_READ_MS` to return them.
   */
  async #read(): Promise<readonly RelayEntry[]> {
    const { signal } = this.#stop;
    const read = this.#outbox.read({ limit: READ_LIMIT, waitMs: READ_WAIT_MS, claimMs: CLAIM_MS, signal });
    let timer: NodeJS.Timeout | undefined;
    let onAbort: () => void = () => {};
    const overdue = new Promise<readonly RelayEntry[]>((resolve) => {
      onAbort = () => {
        timer = setTimeout(() => resolve([]), END_READ_MS);
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      return await Promise.race([read, overdue]);
    } catch (error) {
      if (signal.aborted) return [];
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
      if (signal.aborted) read.catch(() => undefined);
    }
  }

  /** Publishes a batch. It is complete if every entry was acknowledged or rejected, and partial if some were acknowledged. */
  async #relay(entries: readonly RelayEntry[]): Promise<"complete" | "partial" | "failed"> {
    const results = await Promise.all(entries.map((entry) => this.#publish(entry)));
    const rejected = new Map<string, string[]>();
    let complete = true;
    for (const [index, result] of results.entries()) {
      const entryId = entries[index]?.entryId ?? "";
      if (result.kind === "confirmed") this.#confirmed.add(entryId);
      else if (result.kind !== "rejected") complete = false;
      else rejected.set(result.reason, [...(rejected.get(result.reason) ?? []), entryId]);
    }
    this.#retain(
      entries.filter((_, index) => results[index]?.kind === "unavailable"),
      results.some(({ kind }) => kind === "confirmed"),
    );
    const published = this.#confirmed.size > 0;
    const [acknowledged, ...rejections] = await Promise.all([
      this.#acknowledge(),
      ...[...rejected].map(([reason, entryIds]) => this.#reject(entryIds, reason)),
    ]);
    if (complete && acknowledged && rejections.every(Boolean)) return "complete";
    return published && acknowledged ? "partial" : "failed";
  }

  /** Keeps unpublished entries in memory until `RETAIN_MS` has passed or the broker confirms other messages. */
  #retain(unpublished: readonly RelayEntry[], brokerAvailable: boolean): void {
    const now = performance.now();
    const first = this.#retained.entries.length === 0;
    const until = first ? now + RETAIN_MS : this.#retained.until;
    this.#retained = { entries: first || (!brokerAvailable && now < until) ? unpublished : [], until };
  }

  async #publish(entry: RelayEntry): Promise<EntryResult> {
    if (this.#confirmed.has(entry.entryId)) return { kind: "confirmed" };
    const queue = this.#queues.get(entry.queue);
    if (queue === undefined) {
      const reason =
        `Outbox entry "${entry.entryId}" names the queue "${entry.queue}", which is not in the queues of createRelay. ` +
        "Add the definition of the queue, then requeue the entry.";
      this.#report(new QueueError("INVALID_ARGUMENT", reason));
      return { kind: "rejected", reason };
    }
    const read = readEntry(queue, entry);
    if ("problem" in read) {
      const reason = `Outbox entry "${entry.entryId}" for queue "${entry.queue}" cannot be read. ${read.problem}`;
      this.#report(new QueueError("INVALID_PAYLOAD", reason, { queue: entry.queue, messageId: entry.id }));
      return read.kind === "skipped" ? { kind: "skipped" } : { kind: "rejected", reason };
    }
    const { id, origin } = entry;
    const publish = () => this.#broker.publish(queue, read.payload, { id, headers: read.headers, origin });
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
        return { kind: "rejected", reason: error.message };
      }
      const unavailable = QueueError.is(error, "UNAVAILABLE") || QueueError.is(error, "TIMEOUT");
      return { kind: unavailable ? "unavailable" : "skipped" };
    }
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
      for (const entryId of entryIds.slice(0, -MAX_CONFIRMED)) this.#confirmed.delete(entryId);
      return false;
    }
  }

  async #reject(entryIds: readonly string[], reason: string): Promise<boolean> {
    if (this.#outbox.reject === undefined) return false;
    try {
      await this.#outbox.reject(entryIds, reason);
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

/**
 * Reads an entry and converts its payload to the version of the queue definition. An entry of a newer version is not rejected:
 * the outbox returns it again, and a relay of the newer release publishes it.
 */
export function readEntry(
  queue: QueueDefinition,
  { payload, headers }: RelayEntry,
): Pick<RelayEntry, "payload" | "headers"> | { readonly problem: string; readonly kind: "rejected" | "skipped" } {
  const { version, userHeaders } = readVersion(headers);
  if (!Number.isInteger(version) || version < 1 || version > MAX_VERSION) {
    return { problem: `Its header ${VERSION_HEADER} is not a valid version.`, kind: "rejected" };
  }
  try {
    // The payload is cloned, because an upcast may change it and the outbox may return the same object again.
    const upcasted =
      version === versionOf(queue) ? { payload } : upcastPayload(queue, structuredClone(payload), version);
    if ("problem" in upcasted) {
      return { problem: upcasted.problem, kind: version > versionOf(queue) ? "skipped" : "rejected" };
    }
    return { payload: upcasted.payload, ...(userHeaders !== undefined && { headers: userHeaders }) };
  } catch {
    return { problem: "Its payload is not JSON.", kind: "rejected" };
  }
}

/** Separates the version header from the user's headers. `publish` checks the latter. */
function readVersion(headers: RelayEntry["headers"]): { version: number; userHeaders: RelayEntry["headers"] } {
  if (headers?.[VERSION_HEADER] === undefined) return { version: 1, userHeaders: headers };
  const { [VERSION_HEADER]: version, ...userHeaders } = headers;
  return { version: Number(version), userHeaders };
}
