import type { RedisCommander } from "ioredis";
import type { OutboxStorage, StoredMessage } from "../driver.js";
import type { Keys } from "./keys.js";
import { evaluate, type Script, scripts } from "./scripts.js";
import type { RedisSession, Reply } from "./session.js";
import type { StreamEntry, StreamNotifier } from "./stream-notifier.js";
import { newOperationId } from "./write-batcher.js";

/** Of an entry; see `send` in lua/includes/messages.lua. */
type Fields = readonly ["job", string, "id", string, "message", string, ...reason: string[]];

/** Acknowledging thousands in one script would keep other callers waiting. */
const MAX_ENTRIES_PER_SCRIPT = 500;

/** One that reads, claim after claim. `claim` names the one that it has no answer to. */
interface Reader {
  readonly name: string;
  claim: string | null;
}

export class RedisOutbox implements OutboxStorage {
  readonly #session: RedisSession;
  readonly #notifier: StreamNotifier;
  /** Who reads no more at present: the next claim is one of theirs, the latest first. */
  readonly #idle: Reader[] = [];
  /** As of the last claim: the last entry ever handed out, and when the next claim lapses. */
  #claimed = { last: "0-0", lapsesAt: Number.POSITIVE_INFINITY };

  constructor(session: RedisSession, notifier: StreamNotifier) {
    this.#session = session;
    this.#notifier = notifier;
  }

  async claim(options: { limit: number; waitMs: number; claimMs: number; signal: AbortSignal }) {
    const end = performance.now() + options.waitMs;
    for (;;) {
      const reply = await this.#claim(options.limit, options.claimMs);
      const [, last, lapse, ...entries] = reply as readonly [string, string, string, ...StreamEntry[]];
      this.#claimed = {
        last,
        lapsesAt: lapse === "" ? Number.POSITIVE_INFINITY : performance.now() + Number(lapse) + 1,
      };
      const messages = entries.flatMap(([id, fields]) => readEntry(id, fields) ?? []);
      const left = end - performance.now();
      if (messages.length > 0 || left <= 0 || options.signal.aborted) return messages;
      await this.waitForMore(left, options.signal);
    }
  }

  /**
   * A claim whose answer did not come is made again by the next one, under its name: what it was given is handed out now, in
   * its order, and not after what comes later.
   */
  async #claim(limit: number, claimMs: number): Promise<Reply> {
    const reader = this.#idle.pop() ?? { name: newOperationId(), claim: null };
    reader.claim ??= newOperationId();
    try {
      const key = this.#session.keys.outboxReader(reader.name);
      const reply = await this.#run(
        scripts.outboxClaim,
        [limit, claimMs, reader.claim],
        [key, this.#session.keys.metadata],
      );
      reader.claim = null;
      return reply;
    } finally {
      this.#idle.push(reader);
    }
  }

  waitForMore(ms: number, signal: AbortSignal): Promise<void> {
    const { last, lapsesAt } = this.#claimed;
    return this.#notifier.wait(last, Math.min(ms, lapsesAt - performance.now()), signal);
  }

  close(): void {
    this.#notifier.close();
  }

  remove(entryIds: readonly string[]): Promise<void> {
    return this.#each(scripts.outboxAcknowledge, [], entryIds);
  }

  setAside(entryIds: readonly string[], reason: string): Promise<void> {
    return this.#each(scripts.outboxReject, [JSON.stringify(reason)], entryIds);
  }

  restore(entryIds: readonly string[]): Promise<void> {
    return this.#each(scripts.outboxRequeue, [], entryIds);
  }

  async rejected(limit: number): Promise<readonly (StoredMessage & { readonly reason: string })[]> {
    const { keys } = this.#session;
    const ids = await this.#session.read(({ client }) => client.zrange(keys.outboxRejected, 0, String(limit - 1)));
    if (ids.length === 0) return [];
    const texts: (string | null)[] = [];
    while (texts.length < ids.length) {
      const rest = ids.slice(texts.length);
      const [, ...some] = await this.#session.read(({ evaluate }) =>
        evaluate(scripts.outboxRejected, [keys.outboxRejectedEntries], rest),
      );
      texts.push(...(some as (string | null)[]));
    }
    return ids.flatMap((id, n) => {
      const text = texts[n];
      if (typeof text !== "string") return []; // Requeued or acknowledged between the two reads.
      const fields: Fields = JSON.parse(text);
      const message = readEntry(id, fields);
      return message === null ? [] : [{ ...message, reason: JSON.parse(fields.at(-1) ?? "") }];
    });
  }

  countRejected(): Promise<number> {
    return this.#session.read(({ client }) => countRejected(client, this.#session.keys));
  }

  depth(): Promise<number> {
    return this.#session.read(({ client }) => client.xlen(this.#session.keys.outbox));
  }

  async oldest(): Promise<number | null> {
    const [first] = await this.#session.read(({ client }) =>
      client.xrange(this.#session.keys.outbox, "-", "+", "COUNT", 1),
    );
    return first === undefined ? null : timeOf(first[0]);
  }

  oldestWait(): Promise<number | null> {
    return this.#session.read(({ client }) => oldestWait(client, this.#session.keys));
  }

  async #each(script: Script, args: readonly string[], entryIds: readonly string[]): Promise<void> {
    // Ids of another form, as shards have them, belong to nothing that is stored.
    const ids = entryIds.filter((id) => /^\d+-\d+$/.test(id));
    // Loading the metadata rejects the store of another definition.
    if (ids.length === 0) await this.#session.read(async () => {});
    for (let first = 0; first < ids.length; ) {
      const [, done] = await this.#run(script, [...args, ...ids.slice(first, first + MAX_ENTRIES_PER_SCRIPT)]);
      first += Number(done);
    }
  }

  #run(script: Script, args: readonly (string | number)[], moreKeys: readonly string[] = []): Promise<Reply> {
    const { keys } = this.#session;
    const touched = [
      ...[keys.outbox, keys.outboxClaims, keys.outboxClaimed],
      ...[keys.outboxRejected, keys.outboxRejectedEntries],
      ...moreKeys,
    ];
    return this.#session.write(({ deadline, evaluate }) => evaluate(script, touched, [deadline, ...args]));
  }
}

export function countRejected(client: RedisCommander, keys: Keys): Promise<number> {
  return client.zcount(keys.outboxRejected, "-inf", "+inf");
}

/** For how long the oldest entry has waited, in milliseconds; null: there is none. Asks for no more of it than its time. */
export async function oldestWait(client: RedisCommander, keys: Keys): Promise<number | null> {
  const waited = await evaluate(client, scripts.oldestWait, [keys.outbox], []);
  return typeof waited === "number" ? waited : null;
}

/** Fields stand in the order in which the scripts write them. null: somebody else put it there, and it is let lie. */
function readEntry(entryId: string, fields: readonly string[]): StoredMessage | null {
  const [, jobId, , id, , message] = fields as Fields;
  try {
    return { entryId, jobId, at: timeOf(entryId), id: JSON.parse(id), ...JSON.parse(message) };
  } catch {
    return null;
  }
}

function timeOf(entryId: string): number {
  return Number(entryId.slice(0, entryId.indexOf("-")));
}
