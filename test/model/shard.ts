import { type Ledger, newFacts } from "./invariants.js";
import { Places } from "./places.js";
import type { Rules } from "./rules.js";
import {
  type JobRecord,
  LONGEST_COUNTED_GAP,
  type Message,
  type NewMessage,
  type Origin,
  type OutboxEntry,
  type Place,
  type Seconds,
} from "./types.js";

/** Parts of the model that every script of the store needs. */
export interface Environment {
  readonly rules: Rules;
  readonly ledger: Ledger;
  /** Clock of the servers. */
  readonly time: { now: Seconds };
  /** Clock of reachable time that all shards share if the rule `clockPerShard` does not hold. */
  readonly sharedClock: ReachableClock;
  /** Record of a job, for the ledger. */
  readonly find: (store: string, jobId: string) => JobRecord | undefined;
}

/** Clock that counts only time during which the shard was reachable. */
export interface ReachableClock {
  value: Seconds;
  lastContact: Seconds;
}

/** Content of a shard. Plain data: a failover replaces it by an earlier copy. */
export interface ShardState {
  jobs: Map<string, JobRecord>;
  outbox: OutboxEntry[];
  clock: ReachableClock;
  /** Number of messages that have waited for a place. */
  arrivals: number;
  /** Time of the latest check of the messages that wait. */
  checkedAt: Seconds;
}

/** Shard of a store: jobs, outbox and the clock of reachable time. */
export class Shard {
  state: ShardState = { jobs: new Map(), outbox: [], clock: { value: 0, lastContact: 0 }, arrivals: 0, checkedAt: 0 };
  /** True if no process can reach this shard. */
  down = false;
  readonly store: string;
  readonly number: number;
  readonly places: Places;
  readonly #environment: Environment;

  constructor(store: string, number: number, environment: Environment, max?: number) {
    this.store = store;
    this.number = number;
    this.#environment = environment;
    this.places = new Places(this, environment, max ?? Number.POSITIVE_INFINITY);
  }

  get records(): JobRecord[] {
    return [...this.state.jobs.values()];
  }

  get clock(): Seconds {
    return this.#clock.value;
  }

  get #clock(): ReachableClock {
    const { rules, sharedClock } = this.#environment;
    return rules.holds("clockPerShard") ? this.state.clock : sharedClock;
  }

  /** Counts the time since the last contact, unless the gap is too long. */
  contact(): void {
    const { rules, time } = this.#environment;
    const clock = this.#clock;
    const gap = time.now - clock.lastContact;
    if (gap <= LONGEST_COUNTED_GAP || !rules.holds("reachableTime")) clock.value += gap;
    clock.lastContact = time.now;
  }

  /** Returns true if the time of a job's lease is over. */
  isOver(record: JobRecord): boolean {
    if (record.lease === null) return false;
    const byServer = !record.lease.owned && this.#environment.rules.holds("retryByServerClock");
    return record.lease.until <= (byServer ? this.#environment.time.now : this.clock);
  }

  /** Ends the lease of a job if its time is over. */
  settle(record: JobRecord): void {
    if (record.lease !== null && this.isOver(record)) this.endLease(record, "time");
  }

  /** Ends a lease, so that the next read of the outbox sends the stored message again. */
  endLease(record: JobRecord, how: "time" | "zero"): void {
    const { rules, ledger } = this.#environment;
    if (record.lease === null) return;
    const { owned } = record.lease;
    record.lease = null;
    this.places.leave(record);
    record.leaseEndedAt = this.clock;
    record.endedVersion = how === "zero" ? record.version : 0;
    if (how === "time" && (owned || !rules.holds("countOwnedLeases"))) {
      record.expiredLeases++;
      record.expiryCounted = true;
    }
    ledger.leaseEnded(record, how, owned);
    record.sendAgain = record.stored !== null;
  }

  /** Adds a message of a change to the outbox. */
  send(record: JobRecord, message: NewMessage): void {
    const { ledger, time, find, rules } = this.#environment;
    const store = message.store ?? this.store;
    const jobId = message.jobId ?? record.id;
    const own = store === this.store && jobId === record.id;
    const due = message.delay === undefined ? 0 : time.now + message.delay;
    if (own) record.newestMessage[message.queue] = { version: record.version, due: Math.max(due, time.now) };
    const position = this.state.outbox.length;
    const name = `${record.id}.${record.version}${message.queue === "q" ? "" : `@${message.queue}`}${due > 0 ? "d" : ""}`;
    const request = ledger.add(
      { name, queue: message.queue, store, jobId, own, due },
      own ? record : find(store, jobId),
    );
    this.#append(
      {
        name,
        id: `${this.store}/${record.id}.${record.creation}.${record.version}.${message.queue}.${position}`,
        queue: message.queue,
        store,
        jobId,
        origin: this.#originOf(record, rules.holds("dueInOrigin") ? due : 0),
        unreadable: message.unreadable ?? false,
        request,
      },
      due,
    );
  }

  /** Adds a stored or remembered message to the outbox again, with the present run and version as its origin. */
  sendAgain(record: JobRecord, message: Message): void {
    this.#append(
      { ...message, name: `${message.name.replace(/~.*/, "")}~${record.version}`, origin: this.#originOf(record, 0) },
      0,
    );
  }

  /** Sends the stored messages of the jobs whose lease ended. */
  sendStored(): void {
    const { rules } = this.#environment;
    for (const record of this.records) {
      this.settle(record);
      if (!record.sendAgain || record.stored === null) continue;
      record.sendAgain = false;
      this.sendAgain(record, record.stored);
      if (!rules.holds("keepStoredMessage")) record.stored = null;
      if (!rules.holds("rememberUntilAnswered")) this.sendRemembered(record);
    }
  }

  /** Sends a message that waited, with its own run and version as the origin. */
  sendWaiting({ id, creation }: JobRecord, { message, attempt, version }: Place): void {
    const origin = { store: this.store, jobId: id, creation, attempt, version, due: 0 };
    this.#append({ ...message, name: `${message.name.replace(/~.*/, "")}~${version}w`, origin }, 0);
  }

  /** Sends the remembered messages of a job. */
  sendRemembered(record: JobRecord): void {
    for (const message of record.remembered) this.sendAgain(record, message);
    record.remembered = [];
  }

  /** Begins a new run: nothing that the store knew about messages counts any more. */
  static beginRun(record: JobRecord): void {
    record.failedAttempts = 0;
    record.handled = {};
    record.seen = [];
    record.newestMessage = {};
    record.newestClaim = {};
    record.facts = newFacts();
  }

  #originOf(record: JobRecord, due: Seconds): Origin {
    const { id, creation, attempt, version } = record;
    return { store: this.store, jobId: id, creation, attempt, version, due };
  }

  #append(message: Message, due: Seconds): void {
    this.state.outbox.push({ message, due });
  }
}
