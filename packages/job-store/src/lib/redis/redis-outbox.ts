import type { OutboxStorage, StoredMessage } from "../driver.js";
import type { Bell } from "./bell.js";
import { type Script, scripts } from "./scripts.js";
import type { Reply, Server } from "./server.js";

/** An entry of the stream: its id, then its fields and values in turn. */
type StreamEntry = readonly [string, readonly string[]];

/** Acknowledging thousands in one script would keep other callers waiting. */
const CHUNK = 500;

export class RedisOutbox implements OutboxStorage {
  readonly #server: Server;
  readonly #bell: Bell;

  constructor(server: Server, bell: Bell) {
    this.#server = server;
    this.#bell = bell;
  }

  async claim(options: { limit: number; waitMs: number; claimMs: number; signal: AbortSignal }) {
    const end = performance.now() + options.waitMs;
    for (;;) {
      const reply = await this.#run(scripts.outboxClaim, [options.limit, options.claimMs]);
      const [, last, lapse, ...entries] = reply as readonly [string, string, string, ...StreamEntry[]];
      const left = end - performance.now();
      if (entries.length > 0 || left <= 0 || options.signal.aborted) return entries.map(readEntry);
      const untilLapse = lapse === "" ? left : Number(lapse) + 1;
      await this.#bell.wait(last, Math.min(left, untilLapse), options.signal);
    }
  }

  remove(entryIds: readonly string[]): Promise<void> {
    return this.#each(scripts.outboxAck, [], entryIds);
  }

  setAside(entryIds: readonly string[], reason: string): Promise<void> {
    return this.#each(scripts.outboxReject, [reason], entryIds);
  }

  restore(entryIds: readonly string[]): Promise<void> {
    return this.#each(scripts.outboxRequeue, [], entryIds);
  }

  async rejected(limit: number): Promise<readonly (StoredMessage & { readonly reason: string })[]> {
    const { keys } = this.#server;
    const ids = await this.#server.read((client) => client.zrange(keys.outboxRejected, 0, String(limit - 1)));
    if (ids.length === 0) return [];
    const texts = await this.#server.read((client) => client.hmget(keys.outboxRejectedEntries, ...ids));
    return ids.flatMap((id, n) => {
      const text = texts[n];
      if (typeof text !== "string") return []; // Requeued or acknowledged between the two reads.
      const fields: readonly string[] = JSON.parse(text);
      return [{ ...readEntry([id, fields]), reason: fields.at(-1) ?? "" }];
    });
  }

  depth(): Promise<number> {
    return this.#server.read((client) => client.xlen(this.#server.keys.outbox));
  }

  async oldest(): Promise<number | null> {
    const [first] = await this.#server.read((client) => client.xrange(this.#server.keys.outbox, "-", "+", "COUNT", 1));
    return first === undefined ? null : timeOf(first[0]);
  }

  async #each(script: Script, args: readonly string[], entryIds: readonly string[]): Promise<void> {
    for (let first = 0; first < entryIds.length; first += CHUNK) {
      await this.#run(script, [...args, ...entryIds.slice(first, first + CHUNK)]);
    }
  }

  async #run(script: Script, args: readonly (string | number)[]): Promise<Reply> {
    const { keys, connection } = this.#server;
    const budget = connection.budget();
    await this.#server.map(budget);
    const touched = [
      ...[keys.outbox, keys.outboxClaims, keys.outboxClaimed],
      ...[keys.outboxRejected, keys.outboxRejectedEntries],
    ];
    return this.#server.mutate(script, touched, (deadline) => [deadline, ...args], budget);
  }
}

function readEntry([entryId, fields]: StreamEntry): StoredMessage {
  const value = (name: string) => {
    const at = fields.indexOf(name);
    return at % 2 === 0 ? (fields[at + 1] ?? "") : "";
  };
  return {
    entryId,
    jobId: value("job"),
    at: timeOf(entryId),
    queue: value("queue"),
    id: value("id"),
    payload: value("payload"),
    headers: JSON.parse(value("headers")),
  };
}

function timeOf(entryId: string): number {
  return Number(entryId.slice(0, entryId.indexOf("-")));
}
