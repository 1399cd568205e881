import { Broker } from "./broker.js";
import { Ledger } from "./invariants.js";
import { isWaiting } from "./places.js";
import type { Fault, Preset } from "./presets.js";
import type { Rules } from "./rules.js";
import type { Environment, Shard, ShardState } from "./shard.js";
import { Store } from "./store.js";
import { CONTACT_EVERY, type JobRecord, LEASE, type Message, type OutboxEntry } from "./types.js";
import { type Surroundings, Worker } from "./worker.js";

/** Number of writes that a failover can lose. */
const LOST_WRITES = 6;
/** Steps around a failover in which a crash is a second fault at the same time. */
const CRASH_AFTER_FAILOVER = 30;
const CRASH_BEFORE_FAILOVER = 12;

/** Stores, broker, relay and workers of one schedule. */
export class World {
  readonly preset: Preset;
  readonly ledger: Ledger;
  readonly broker: Broker;
  readonly stores: readonly Store[];
  readonly workers: readonly Worker[];
  readonly time = { now: 0 };
  relayRuns = true;
  readonly #rules: Rules;
  readonly #history: { readonly states: readonly ShardState[]; readonly requests: number; readonly now: number }[] = [];
  #published = 0;
  #failedOverAt = Number.NEGATIVE_INFINITY;

  constructor(preset: Preset, rules: Rules) {
    this.preset = preset;
    this.#rules = rules;
    this.ledger = new Ledger(preset.ignored);
    this.broker = new Broker(this.ledger, preset.deliveryLimit);
    const environment: Environment = {
      rules,
      ledger: this.ledger,
      time: this.time,
      sharedClock: { value: 0, lastContact: 0 },
      find: (store, id) => this.store(store).find(id),
    };
    this.stores = preset.stores.map((setup) => new Store(setup, environment));
    const around: Surroundings = {
      rules,
      ledger: this.ledger,
      broker: this.broker,
      store: (name) => this.store(name),
      time: this.time,
    };
    this.workers = preset.workers.map((setup) => new Worker(setup, around));
    for (const { store, id, queues } of preset.jobs) this.store(store).create(id, queues);
  }

  get shards(): Shard[] {
    return this.stores.flatMap((store) => store.shards);
  }

  get records(): JobRecord[] {
    return this.stores.flatMap((store) => store.records);
  }

  store(name: string): Store {
    const store = this.stores.find((other) => other.name === name);
    if (store === undefined) throw new Error(`No store ${name}`);
    return store;
  }

  has(fault: Fault): boolean {
    return this.preset.faults.includes(fault);
  }

  /** Lets a second pass. */
  second(): void {
    const now = ++this.time.now;
    this.ledger.timePassed(now);
    for (const worker of this.workers) worker.second(now);
    for (const store of this.stores) {
      for (const shard of store.shards) {
        if (shard.down) continue;
        if (this.relayRuns && now % CONTACT_EVERY === 0 && this.#rules.holds("idleContact")) shard.contact();
        this.#checkLeases(shard);
        store.enforceTimeouts(shard);
      }
    }
  }

  /** Publishes a message that no change stored. */
  publish(queue: string, store: string, jobId: string, unreadable = false): void {
    const name = `X${++this.#published}`;
    const target = this.store(store).find(jobId);
    const request = this.ledger.add({ name, queue, store, jobId, own: false, due: 0 }, target);
    this.broker.publish({ name, id: name, queue, store, jobId, origin: null, unreadable, request });
  }

  /** Lets the relay read a shard: leases end, and stored messages get into the outbox. */
  readOutbox(shard: Shard): void {
    shard.contact();
    shard.sendStored();
    shard.places.check();
    shard.places.sendNext();
  }

  /** Lets the relay publish an entry, and remove it unless it crashes before that. */
  relay(shard: Shard, entry: OutboxEntry, crashes: boolean): void {
    shard.contact();
    this.broker.publish(entry.message);
    if (crashes) this.ledger.copied(entry.message);
    else shard.state.outbox.splice(shard.state.outbox.indexOf(entry), 1);
  }

  /** Returns the entries of the outbox that are due. */
  dueEntries(shard: Shard): OutboxEntry[] {
    return shard.state.outbox.filter(({ due }) => due <= this.time.now);
  }

  /** Changes the time of a scheduled message. */
  reschedule(shard: Shard, entry: OutboxEntry, due: number): void {
    const { origin } = entry.message;
    const changed =
      origin !== null && this.#rules.holds("rescheduleOrigin") ? { ...origin, due: origin.due && due } : origin;
    this.ledger.rescheduled(entry.message, due, this.time.now);
    const { outbox, jobs } = shard.state;
    const record = jobs.get(origin?.jobId ?? "");
    const newest = record?.newestMessage[entry.message.queue];
    if (newest !== undefined && newest.version === origin?.version && newest.due === entry.due) newest.due = due;
    outbox[outbox.indexOf(entry)] = { due, message: { ...entry.message, origin: changed } };
  }

  /** Deletes a scheduled message. */
  cancel(shard: Shard, entry: OutboxEntry): void {
    const { origin, queue } = entry.message;
    const { outbox, jobs } = shard.state;
    const marks = jobs.get(origin?.jobId ?? "")?.newestMessage;
    const newest = marks?.[queue];
    const isNewest = newest?.version === origin?.version && newest?.due === entry.due;
    if (marks !== undefined && isNewest && this.#rules.holds("cancelNewest")) delete marks[queue];
    this.ledger.cancelled(entry.message);
    outbox.splice(outbox.indexOf(entry), 1);
  }

  /** Crashes or closes a worker. The specification does not promise an end for a job that only this worker would have continued. */
  stop(worker: Worker, how: "crash" | "close"): void {
    for (const { message } of worker.tasks) {
      const record = this.store(message.store).find(message.jobId);
      if (record?.facts.needsLostWorker) record.facts.excused = true;
    }
    if (this.ledger.step - this.#failedOverAt <= CRASH_AFTER_FAILOVER) this.#excuseAll();
    if (how === "crash") worker.crash();
    else worker.close();
  }

  /** Loses all messages of the broker. A message whose job has no lease is not replaced. */
  wipeBroker(): void {
    for (const shard of this.shards) {
      for (const record of shard.records)
        if ((record.lease === null || shard.isOver(record)) && !isWaiting(record)) record.facts.excused = true;
    }
    const kept = new Set(this.#messagesInStores().map(({ request }) => request));
    for (const request of this.ledger.requests) if (!kept.has(request.number)) request.answered = true;
    this.broker.wipe();
    for (const worker of this.workers) worker.forgetDeliveries();
  }

  /** Records the state of the stores, so that a failover can lose the writes after it. */
  remember(): void {
    if (!this.has("failover")) return;
    const states = this.shards.map(({ state }) => structuredClone(state));
    this.#history.push({ states, requests: this.ledger.requests.length, now: this.time.now });
    if (this.#history.length > LOST_WRITES) this.#history.shift();
  }

  /** True if the stores' last writes are recent enough to be lost. */
  get canFailOver(): boolean {
    const oldest = this.#history[0];
    return this.#history.length > 3 && oldest !== undefined && oldest.now >= this.time.now - 1;
  }

  /** Replaces the stores by copies without the last writes. The requests of these writes are gone, too. */
  failOver(writes: number): void {
    const copy = this.#history[Math.max(0, this.#history.length - writes)];
    if (copy === undefined) return;
    this.#failedOverAt = this.ledger.step;
    this.shards.forEach((shard, index) => {
      const state = copy.states[index];
      if (state !== undefined) shard.state = structuredClone(state);
    });
    for (const request of this.ledger.requests.slice(copy.requests)) if (request.own) request.answered = true;
    const scheduled = new Set(this.shards.flatMap(({ state }) => state.outbox.map(({ message }) => message.request)));
    for (const request of this.ledger.requests) {
      if (request.since === null && !scheduled.has(request.number)) request.answered = true;
    }
    this.#history.length = 0;
    for (const worker of this.workers) worker.lookAgainAfterFailover();
    if (this.workers.some(({ endedAtStep }) => endedAtStep >= this.ledger.step - CRASH_BEFORE_FAILOVER))
      this.#excuseAll();
  }

  #excuseAll(): void {
    for (const record of this.records) record.facts.excused = true;
  }

  #messagesInStores(): Message[] {
    return this.shards.flatMap(({ state, records }) => [
      ...state.outbox.map(({ message }) => message),
      ...records.flatMap(({ stored, remembered, places }) => [
        ...(stored === null ? [] : [stored]),
        ...[...remembered, ...places.flatMap(({ message, heldUntil }) => (heldUntil === null ? [message] : []))],
      ]),
    ]);
  }

  /** Checks that no lease of a live worker is over. */
  #checkLeases(shard: Shard): void {
    for (const record of shard.records) {
      const key = record.claim?.key;
      if (record.lease?.owned !== true || key === undefined || !shard.isOver(record)) continue;
      if (record.facts.overSince === record.lease.until) continue;
      record.facts.overSince = record.lease.until;
      if (this.workers.some((worker) => worker.runs(key))) {
        this.ledger.violated("I8", `the lease of ${record.id} is over (${LEASE} s), although its worker lives`);
      }
    }
  }
}
