import type { RedisCommander } from "ioredis";
import type {
  ListedMessage,
  ListPosition,
  Origin,
  OutboxRequest,
  OutboxResult,
  OutboxStorage,
  StoredMessage,
} from "../driver.js";
import { type RejectedMessage, readRejected } from "../driver-rules.js";
import type { OutboxKind } from "../outbox.js";
import { type Keys, workKeys } from "./keys.js";
import { evaluate, type Script, scripts } from "./scripts.js";
import type { RedisSession, Reply } from "./session.js";
import type { StreamEntry, StreamNotifier } from "./stream-notifier.js";
import { newOperationId } from "./write-batcher.js";

/**
 * Fields and values of an entry; see `send` in lua/includes/messages.lua. Entries of earlier versions have no origin. A rejected entry ends
 * with its reason.
 */
type EntryFields = readonly ["job", string, "id", string, "message", string, ...originAndReason: string[]];

/** Maximum number of claimed entries whose jobs are noted. */
const MAX_NOTED_JOBS = 10_000;

/** Maximum number of ids for one script. More would block other callers. */
const MAX_ENTRIES_PER_SCRIPT = 500;

/**
 * Maximum time that a reader waits between two claims, in milliseconds. Each claim is a contact with the server. The stream does not
 * notify readers of delayed messages and of ended leases. A claim finds them, within one second.
 */
const MAX_WAIT_MS = 900;

/** Sequence of claims. `claim`: id of the last claim if its reply has not arrived. */
interface Reader {
  readonly name: string;
  claim: string | null;
}

/** Outbox of one server, or of one shard. */
export class RedisOutbox implements OutboxStorage {
  readonly #session: RedisSession;
  readonly #notifier: StreamNotifier;
  /** Readers without a claim in flight. The next claim uses the last of them. */
  readonly #idle: Reader[] = [];
  /** Job of each claimed entry, so that an acknowledgement names the job. */
  readonly #jobs = new Map<string, string>();
  /** State after the last claim: the last entry that was ever claimed, and the time at which the next entry can be claimed. */
  #claimed = { last: "0-0", nextAt: Number.POSITIVE_INFINITY };

  constructor(session: RedisSession, notifier: StreamNotifier) {
    this.#session = session;
    this.#notifier = notifier;
  }

  async claim(options: { limit: number; waitMs: number; claimMs: number; signal: AbortSignal }) {
    const end = performance.now() + options.waitMs;
    for (;;) {
      const reply = await this.#claim(options.limit, options.claimMs);
      const [, last, remaining, ...entries] = reply as readonly [string, string, string, ...StreamEntry[]];
      this.#claimed = {
        last,
        nextAt: remaining === "" ? Number.POSITIVE_INFINITY : performance.now() + Number(remaining) + 1,
      };
      const messages = entries.flatMap(([id, fields]) => readEntry(id, fields) ?? []);
      this.#noteJobs(messages);
      const left = end - performance.now();
      if (messages.length > 0 || left <= 0 || options.signal.aborted) return messages;
      await this.waitForEntries(left, options.signal);
    }
  }

  /**
   * Claims entries. If the reply to a claim was lost, the next claim of the reader has the same id, so it returns the same entries in the
   * same order.
   */
  async #claim(limit: number, claimMs: number): Promise<Reply> {
    const reader = this.#idle.pop() ?? { name: newOperationId(), claim: null };
    reader.claim ??= newOperationId();
    try {
      const { keys } = this.#session;
      const key = keys.outboxReader(reader.name);
      const reply = await this.#run(
        scripts.outboxClaim,
        [limit, claimMs, reader.claim],
        [key, keys.metadata, ...workKeys(keys), keys.outboxScheduled, keys.outboxScheduledEntries],
      );
      reader.claim = null;
      return reply;
    } finally {
      this.#idle.push(reader);
    }
  }

  waitForEntries(ms: number, signal: AbortSignal): Promise<void> {
    const { last, nextAt } = this.#claimed;
    return this.#notifier.wait(last, Math.min(ms, MAX_WAIT_MS, nextAt - performance.now()), signal);
  }

  close(): void {
    this.#notifier.close();
  }

  /** Notes the jobs of claimed entries. Those of entries that were never acknowledged here are forgotten. */
  #noteJobs(messages: readonly StoredMessage[]): void {
    for (const { entryId, jobId } of messages) {
      this.#jobs.set(entryId, jobId);
      const [first] = this.#jobs.keys();
      if (first !== undefined && this.#jobs.size > MAX_NOTED_JOBS) this.#jobs.delete(first);
    }
  }

  async ack(entryIds: readonly string[]): Promise<void> {
    const withJobs = (ids: readonly string[]) => ids.flatMap((id) => [id, this.#jobs.get(id) ?? ""]);
    await this.#each(scripts.outboxAcknowledge, withJobs, entryIds, [this.#session.keys.outboxPublished]);
    for (const id of entryIds) this.#jobs.delete(id);
  }

  reject(entryIds: readonly string[], reason: string): Promise<void> {
    return this.#each(scripts.outboxReject, (ids) => [JSON.stringify(reason), ...ids], entryIds);
  }

  requeue(entryIds: readonly string[]): Promise<void> {
    return this.#each(scripts.outboxRequeue, (ids) => ids, entryIds);
  }

  rejected(limit: number): Promise<readonly RejectedMessage[]> {
    return readRejected(this, limit);
  }

  async list({ kind, start, limit }: OutboxRequest): Promise<OutboxResult> {
    const { messages, next } = await this.#page({ kind, limit, start: start?.[0] ?? null, jobId: "" });
    return { messages, next: next && [next] };
  }

  async ofJob(jobId: string, limit: number): ReturnType<OutboxStorage["ofJob"]> {
    const messages: ListedMessage[] = [];
    let complete = true;
    for (const kind of ["waiting", "scheduled", "rejected"] as const) {
      let start: ListPosition | null = null;
      let left = limit;
      do {
        const page: OutboxPart = await this.#page({ kind, limit: left, start, jobId });
        messages.push(...page.messages);
        start = page.next;
        left -= page.read;
      } while (start !== null && left > 0);
      complete &&= start === null;
    }
    return { messages, complete };
  }

  /** Reads as many messages as one script may read. */
  async #page({ kind, limit, start, jobId }: PartRequest): Promise<OutboxPart> {
    const { keys } = this.#session;
    const touched = [
      ...[keys.metadata, keys.outbox, keys.outboxClaims, keys.outboxScheduled, keys.outboxScheduledEntries],
      ...[keys.outboxRejected, keys.outboxRejectedEntries],
    ];
    const [, read, score, last, ...found] = await this.#session.read(({ evaluate }) =>
      evaluate(scripts.outboxList, touched, [kind, limit, start?.at ?? "", start?.id ?? "", jobId]),
    );
    return {
      messages: (found as readonly FoundMessage[]).flatMap((message) => readListed(kind, message) ?? []),
      next: score === "" ? null : { at: Number(score), id: String(last) },
      read: Number(read),
    };
  }

  countRejected(): Promise<number> {
    return this.#session.read(({ client }) => countRejected(client, this.#session.keys));
  }

  async depth(): Promise<number> {
    return (await this.#state()).waiting;
  }

  async scheduled(): Promise<number> {
    return (await this.#state()).scheduled;
  }

  async oldest(): Promise<number | null> {
    return (await this.#state()).oldest;
  }

  async oldestWait(): Promise<number | null> {
    return (await this.#state()).oldestWait;
  }

  #state(): Promise<OutboxState> {
    return this.#session.read(({ client }) => readOutboxState(client, this.#session.keys));
  }

  reschedule(entryIds: readonly string[], at: number): Promise<readonly boolean[]> {
    return this.#changeScheduled(entryIds, at);
  }

  cancel(entryIds: readonly string[]): Promise<readonly boolean[]> {
    return this.#changeScheduled(entryIds, "");
  }

  /** @param at new due time. "": deletes the messages */
  async #changeScheduled(entryIds: readonly string[], at: number | ""): Promise<readonly boolean[]> {
    const { keys } = this.#session;
    const places = [...entryIds.keys()].filter((place) => SCHEDULED_ID.test(entryIds[place] ?? ""));
    const numbers = places.map((place) => entryIds[place]?.slice(2).padStart(NUMBER_LENGTH, "0") ?? "");
    // Loads the metadata, which rejects another definition.
    if (numbers.length === 0) await this.#session.read(async () => {});
    let results = "";
    while (results.length < numbers.length) {
      const some = numbers.slice(results.length, results.length + MAX_ENTRIES_PER_SCRIPT);
      const { work, workMessages, leases, waits } = keys;
      // A repeated call has the same key, and so the same results.
      const [, done] = await this.#run(
        scripts.outboxReschedule,
        [at, ...some],
        [
          ...[keys.outboxCall(newOperationId()), work, workMessages, leases, waits],
          ...[keys.outboxScheduled, keys.outboxScheduledEntries],
        ],
      );
      results += String(done);
    }
    const changed = new Set(places.filter((_, n) => results[n] === "1"));
    return entryIds.map((_, place) => changed.has(place));
  }

  /** @param argsOf returns the arguments of the script for some of the ids */
  async #each(
    script: Script,
    argsOf: (ids: readonly string[]) => readonly string[],
    entryIds: readonly string[],
    moreKeys: readonly string[] = [],
  ): Promise<void> {
    // Ids of another form, such as those of shards, do not exist here.
    const ids = entryIds.filter((id) => /^\d+-\d+$/.test(id));
    // Loads the metadata, which rejects another definition.
    if (ids.length === 0) await this.#session.read(async () => {});
    for (let first = 0; first < ids.length; ) {
      const [, done] = await this.#run(script, argsOf(ids.slice(first, first + MAX_ENTRIES_PER_SCRIPT)), moreKeys);
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

/** Messages of an outbox. */
interface OutboxState {
  /** Number of entries, and of delayed messages that are due and not entries yet. */
  readonly waiting: number;
  /** Number of messages that are not due yet. */
  readonly scheduled: number;
  /**
   * Time since which the first entry has waited, in milliseconds. Entries that became due while no reader ran can have waited longer
   * than the entries before them. null: there are none.
   */
  readonly oldest: number | null;
  /** Duration of this wait by the clock of the server, in milliseconds. */
  readonly oldestWait: number | null;
}

export async function readOutboxState(client: RedisCommander, keys: Keys): Promise<OutboxState> {
  const reply = await evaluate(client, scripts.outboxState, [keys.outbox, keys.outboxScheduled], []);
  const [, waiting, scheduled, first, now] = reply as readonly [string, number, number, string | null, string];
  const oldest = first === null ? null : Number(first);
  return { waiting, scheduled, oldest, oldestWait: oldest === null ? null : Number(now) - oldest };
}

interface PartRequest {
  readonly kind: OutboxKind;
  readonly limit: number;
  /** Position after which the part begins. null: at the beginning. */
  readonly start: ListPosition | null;
  /** Job whose messages are returned. "": all messages. */
  readonly jobId: string;
}

/** Messages that one script has read. */
interface OutboxPart {
  readonly messages: OutboxResult["messages"];
  /** Position of the last message that was read. null: none follow. */
  readonly next: ListPosition | null;
  /** Number of messages that were read, also of other jobs. */
  readonly read: number;
}

/** Message in the reply of lua/outbox/list.lua. */
type FoundMessage = readonly [id: string, score: string, fields: string | readonly string[], claimed: 0 | 1];

/** Returns null if another application has added the entry. */
function readListed(
  kind: OutboxKind,
  [id, score, text, claimed]: FoundMessage,
): OutboxResult["messages"][number] | null {
  const fields: readonly string[] = typeof text === "string" ? JSON.parse(text) : text;
  const position = { at: Number(score), id };
  const message = readEntry(id.includes("-") ? id : scheduledId(id), fields);
  if (message === null) return null;
  switch (kind) {
    case "waiting":
      return { ...message, position, kind, claimed: claimed === 1 };
    case "scheduled":
      return { ...message, position, kind, dueAt: position.at };
    case "rejected":
      return { ...message, position, kind, reason: JSON.parse(fields.at(-1) ?? "") };
  }
}

/** Entry id of a scheduled message. */
const SCHEDULED_ID = /^0-\d+$/;

/** Number of digits of the number of a scheduled message; see lua/includes/messages.lua. */
const NUMBER_LENGTH = 16;

/** Returns the entry id of a scheduled message. No entry of the stream begins with 0. */
function scheduledId(number: string): string {
  return `0-${Number(number)}`;
}

/** Reads an entry with its fields in the order of the scripts. null: another application has added it. It is ignored. */
function readEntry(entryId: string, fields: readonly string[]): StoredMessage | null {
  const [, jobId, , id, , message, name, text] = fields as EntryFields;
  const origin = name === "origin" ? originIn(text) : null;
  try {
    // A delayed message waits from its due time on.
    return { entryId, jobId, at: origin?.dueAt || timeOf(entryId), id: JSON.parse(id), ...JSON.parse(message), origin };
  } catch {
    return null;
  }
}

/** Reads the origin of an entry: four numbers. */
function originIn(text = ""): Origin | null {
  const [createdAt, attempt, version, dueAt] = text.split(" ").map(Number);
  if (createdAt === undefined || attempt === undefined || version === undefined || dueAt === undefined) return null;
  return { createdAt, attempt, version, dueAt };
}

function timeOf(entryId: string): number {
  return Number(entryId.slice(0, entryId.indexOf("-")));
}
