import { newFacts } from "./invariants.js";
import { type Environment, Shard } from "./shard.js";
import {
  type Change,
  type ChangeReply,
  type ClaimedJob,
  type ClaimReply,
  isFinal,
  type JobRecord,
  LEASE,
  type Lifecycle,
  type Message,
  type Origin,
  REMEMBERED_IDS,
  type Refusal,
  type Seconds,
  type Status,
} from "./types.js";

/** Options of `claim`. */
export interface ClaimOptions {
  readonly to: Status;
  readonly from: readonly Status[];
  readonly key: string;
  readonly message: Message;
  readonly ifVersion?: number | undefined;
}

/** Options of `failRequest`. */
export interface FailOptions {
  readonly working: Status;
  readonly from: readonly Status[];
  readonly message: Message;
}

/** Options of a store. */
export interface StoreSetup {
  readonly name: string;
  readonly lifecycle: Lifecycle;
  readonly shards: number;
  /** Maximum number of running jobs. All jobs have the same key. @default no limit */
  readonly limit?: number | undefined;
}

/**
 * Job store: each method is one script, which runs without interruption in the shard of its job. Pauses belong after the answers "leased" and
 * "changed" of `claim`; the model does not have them.
 */
export class Store {
  readonly name: string;
  readonly lifecycle: Lifecycle;
  readonly shards: readonly Shard[];
  readonly #environment: Environment;
  #creations = 0;

  constructor(setup: StoreSetup, environment: Environment) {
    this.name = setup.name;
    this.lifecycle = setup.lifecycle;
    this.#environment = environment;
    this.shards = Array.from(
      { length: setup.shards },
      (_, number) => new Shard(setup.name, number, environment, setup.limit),
    );
  }

  shardOf(id: string): Shard {
    const shard = this.shards[id.charCodeAt(0) % this.shards.length];
    if (shard === undefined) throw new Error("A store has at least one shard");
    return shard;
  }

  find(id: string): JobRecord | undefined {
    return this.shardOf(id).state.jobs.get(id);
  }

  get records(): JobRecord[] {
    return this.shards.flatMap((shard) => shard.records);
  }

  /** Creates a job, with a message for each queue. */
  create(id: string, queues: readonly string[]): void {
    const { rules, time, ledger } = this.#environment;
    const shard = this.shardOf(id);
    const record: JobRecord = {
      id,
      creation: ++this.#creations,
      createdAt: rules.holds("laterCreation") ? ledger.step + this.#creations : time.now,
      attempt: 1,
      version: 1,
      status: "pending",
      enteredAt: shard.clock,
      lease: null,
      leaseEndedAt: 0,
      endedVersion: 0,
      claim: null,
      claimAnswer: null,
      stored: null,
      sendAgain: false,
      remembered: [],
      handled: {},
      seen: [],
      newestMessage: {},
      newestClaim: {},
      keys: [],
      counted: false,
      places: [],
      failedAttempts: 0,
      expiredLeases: 0,
      expiryCounted: false,
      facts: newFacts(),
    };
    shard.state.jobs.set(id, record);
    for (const queue of queues) shard.send(record, { queue });
  }

  delete(id: string): void {
    const shard = this.shardOf(id);
    shard.state.jobs.delete(id);
    shard.places.sendNext();
  }

  /**
   * Writes the whole job, and optionally another status. Ends a worker's lease, and keeps the lease of a retry. In a status that cannot have a
   * lease, it ends both, and sends the messages at once.
   */
  save(id: string, status?: Status): void {
    this.#save(id, status);
    this.shardOf(id).places.sendNext();
  }

  #save(id: string, status?: Status): void {
    const { rules, ledger } = this.#environment;
    const shard = this.shardOf(id);
    const record = shard.state.jobs.get(id);
    if (record === undefined) return;
    const leaves = !this.#canBeLeased(status ?? record.status);
    if (record.lease?.owned || leaves) shard.endLease(record, "zero");
    record.version++;
    record.expiredLeases = 0;
    record.expiryCounted = false;
    record.keys = [...record.keys, null].slice(-this.#keptKeys);
    ledger.changed(record, undefined);
    if (status !== undefined && status !== record.status) {
      record.status = status;
      record.enteredAt = shard.clock;
    }
    if (!leaves) return;
    // Nothing reads the messages of a job in this status later.
    record.sendAgain = false;
    if (!rules.holds("saveSendsMessages")) return;
    if (record.stored !== null) shard.sendAgain(record, record.stored);
    record.stored = null;
    shard.sendRemembered(record);
  }

  /** Claims a job for a worker. */
  claim(id: string, options: ClaimOptions): ClaimReply {
    const reply = this.#claim(id, options);
    const shard = this.shardOf(id);
    const record = shard.state.jobs.get(id);
    if (record !== undefined && reply.kind !== "limited")
      shard.places.answer(record, options.message.queue, reply.kind === "claimed");
    shard.places.sendNext();
    return reply;
  }

  #claim(id: string, options: ClaimOptions): ClaimReply {
    const { ledger, rules, time } = this.#environment;
    const shard = this.shardOf(id);
    const { message } = options;
    shard.contact();
    const record = shard.state.jobs.get(id);
    if (record === undefined) {
      ledger.answered(message);
      return { kind: "missing" };
    }
    ledger.looked(message);
    if (record.claim?.key === options.key && record.claim.version === record.version && record.claimAnswer !== null) {
      this.#giveAgain(shard, record, LEASE);
      return record.claimAnswer;
    }
    if (rules.holds("leaseEndsAtItsTime")) shard.settle(record);
    const origin = this.#originFor(record, message);
    const refusal = this.#refuse(record, message, origin, options);
    if (refusal !== null) return { kind: refusal };
    if (record.lease !== null) {
      ledger.held(record, time.now);
      if (!this.#covers(record, message, origin)) this.#remember(record, message);
      return { kind: "leased" };
    }
    if (options.ifVersion !== undefined && options.ifVersion !== record.version) return { kind: "changed" };
    if (!shard.places.hasPlace(record, message.queue)) {
      // The worker of the latest claim can still store its outcome. It must answer the messages that this claim covers, and no other.
      const isAnswered = record.claim?.version === record.version && this.#covers(record, message, origin);
      const since = isAnswered || !rules.holds("waitsAsNewer") ? record.version : record.version + 1;
      shard.places.wait(record, message, since);
      if (this.#ownOrigin(record, message) === null && rules.holds("recordIdsWhenSeen"))
        this.#recordId(record, message.id, since);
      return { kind: "limited" };
    }
    return this.#take(shard, record, message, options, origin !== null);
  }

  /** Fails a job whose message no worker can process. */
  failRequest(id: string, options: FailOptions): "failed" | Refusal {
    const { ledger } = this.#environment;
    const { message } = options;
    const shard = this.shardOf(id);
    const record = shard.state.jobs.get(id);
    const refusal = this.#refuseLetter(shard, record, options);
    if (record === undefined || refusal !== null) return refusal ?? "missing";
    ledger.failedByLetter(record, message);
    this.#enter(shard, record, options.working);
    this.#enter(shard, record, "failed");
    return "failed";
  }

  /** Claims a job for `failRequest` without a stored message: the first half of the two steps that the rule `failInOneStep` joins. */
  claimToFail(id: string, key: string, options: FailOptions): ClaimReply {
    const { ledger } = this.#environment;
    const { message } = options;
    const shard = this.shardOf(id);
    shard.contact();
    const record = shard.state.jobs.get(id);
    if (record?.claim?.key === key && record.claim.version === record.version && record.claimAnswer !== null) {
      return record.claimAnswer;
    }
    const refusal = this.#refuseLetter(shard, record, options);
    if (record === undefined || refusal !== null) return { kind: refusal ?? "missing" };
    ledger.failedByLetter(record, message);
    const answer = this.#take(shard, record, message, { to: options.working, key }, true);
    record.stored = null;
    return answer;
  }

  /** Changes a job: by id, or by the snapshot that a claim returned. */
  change(target: string | ClaimedJob, change: Change): ChangeReply {
    const reply = this.#change(target, change);
    this.shardOf(typeof target === "string" ? target : target.id).places.sendNext();
    return reply;
  }

  #change(target: string | ClaimedJob, change: Change): ChangeReply {
    const { ledger, rules, time } = this.#environment;
    const snapshot = typeof target === "string" ? null : target;
    const id = typeof target === "string" ? target : target.id;
    const shard = this.shardOf(id);
    const record = shard.state.jobs.get(id);
    if (record === undefined) return "missing";
    const { key } = change;
    if (key !== undefined && rules.holds("changeKey") && record.keys.includes(key)) return "ok";
    if (snapshot !== null) {
      if (!this.#matches(record, snapshot)) {
        ledger.conflict(record, key);
        return "conflict";
      }
      ledger.changedByWorker(record, snapshot);
    }
    if (!this.lifecycle.next[record.status].includes(change.to)) return "refused";
    if (snapshot !== null) ledger.outcome(record, change.failedAttempt === true, change.reason);
    ledger.changed(record, key);

    const { claim } = record;
    if (change.handled === true && claim !== null && rules.holds("handled")) {
      record.handled[claim.queue] = { version: claim.version, at: claim.at };
    }
    if (change.handled === true && claim !== null && !claim.hadOrigin && !rules.holds("recordIdsWhenSeen")) {
      this.#recordId(record, claim.messageId, claim.version);
    }
    record.keys = [...record.keys, key ?? null].slice(-this.#keptKeys);
    record.expiredLeases = 0;
    record.expiryCounted = false;
    if (change.lease !== undefined) {
      record.version++;
      const start = rules.holds("retryByServerClock") ? time.now : shard.clock;
      record.lease = { until: start + change.lease, owned: false };
      shard.places.leave(record);
      record.facts.notBefore = time.now + change.lease;
      if (change.failedAttempt === true) record.failedAttempts++;
      return "ok";
    }
    if (snapshot !== null && claim !== null) ledger.served(record, claim.queue);
    if (snapshot === null && record.stored !== null) ledger.takenOver(this.name, record, record.stored.queue);
    this.#enter(shard, record, change.to);
    for (const message of change.outbox ?? []) shard.send(record, message);
    return "ok";
  }

  /** Sets the leases of these jobs to end after `seconds`; 0 ends them at once. */
  renewLeases(jobs: readonly ClaimedJob[], seconds: Seconds): boolean[] {
    const renewed = this.#renewLeases(jobs, seconds);
    for (const { id } of jobs) this.shardOf(id).places.sendNext();
    return renewed;
  }

  #renewLeases(jobs: readonly ClaimedJob[], seconds: Seconds): boolean[] {
    return jobs.map((job) => {
      const { rules, ledger } = this.#environment;
      const shard = this.shardOf(job.id);
      shard.contact();
      const record = shard.state.jobs.get(job.id);
      if (record === undefined || !this.#matches(record, job)) return false;
      ledger.changedByWorker(record, job);
      if (seconds === 0) {
        if (rules.holds("leaseEndsAtItsTime")) shard.settle(record);
        if (record.lease === null) return false;
        shard.endLease(record, "zero");
        return true;
      }
      if (record.lease !== null && !record.lease.owned) return false;
      if (record.lease === null && rules.holds("noRenewAfterEnd") && record.endedVersion === record.version)
        return false;
      this.#giveAgain(shard, record, seconds);
      return true;
    });
  }

  /** Ends the wait for a retry or of a postponed job, as `renewLeases` with 0 does. */
  endWait(id: string): void {
    const record = this.find(id);
    if (record?.lease?.owned === false) this.shardOf(id).endLease(record, "zero");
  }

  /** Moves the jobs whose time in their status is over. */
  enforceTimeouts(shard: Shard): void {
    const { rules, ledger } = this.#environment;
    const { timeout } = this.lifecycle;
    if (timeout === undefined) return;
    shard.contact();
    for (const record of shard.records) {
      if (isFinal(record.status)) continue;
      if (rules.holds("leaseEndsAtItsTime")) shard.settle(record);
      if (record.lease !== null && rules.holds("leaseStopsTimeout")) continue;
      if (shard.clock - Math.max(record.enteredAt, record.leaseEndedAt) < timeout) continue;
      if (record.lease !== null) ledger.violated("I9", `${record.id} times out while it has a lease`);
      this.change(record.id, { to: "failed" });
    }
  }

  #canBeLeased(status: Status): boolean {
    return !isFinal(status) && this.lifecycle.next[status].includes(status);
  }

  get #keptKeys(): number {
    return this.#environment.rules.holds("lastFourKeys") ? 4 : 1;
  }

  /** Returns the origin of a message for this job. A copy of a known message without one counts as stored when its id was recorded. */
  #originFor(record: JobRecord, message: Message): Origin | null {
    const own = this.#ownOrigin(record, message);
    if (own !== null) return own;
    const seen = record.seen.find(({ id }) => id === message.id);
    if (seen === undefined) return null;
    const { id, creation, attempt } = record;
    return { store: this.name, jobId: id, creation, attempt, version: seen.version, due: 0 };
  }

  /** Returns the origin of a message if it is this job. */
  #ownOrigin(record: JobRecord, { origin }: Message): Origin | null {
    if (origin === null || origin.jobId !== record.id) return null;
    return origin.store === this.name || !this.#environment.rules.holds("storeInOrigin") ? origin : null;
  }

  /** Decides the answers before "leased". */
  #refuse(
    record: JobRecord,
    message: Message,
    origin: Origin | null,
    options: Pick<ClaimOptions, "to" | "from">,
  ): "outdated" | "handled" | "moved" | null {
    const { ledger } = this.#environment;
    if (origin !== null && this.#isOutdated(record, origin)) {
      ledger.answered(message);
      return "outdated";
    }
    const mark = record.handled[message.queue];
    if (origin !== null && mark !== undefined && origin.version <= mark.version && origin.due <= mark.at)
      return "handled";
    if (record.status !== options.to && !options.from.includes(record.status)) {
      ledger.answered(message);
      ledger.refusedByStatus(message);
      return "moved";
    }
    return null;
  }

  #isOutdated(record: JobRecord, origin: Origin): boolean {
    if (!this.#environment.rules.holds("runInOrigin")) return false;
    return origin.creation !== record.creation || origin.attempt !== record.attempt;
  }

  /** Decides the answers of `failRequest` other than "failed". */
  #refuseLetter(shard: Shard, record: JobRecord | undefined, options: FailOptions): Refusal | null {
    const { rules, ledger } = this.#environment;
    const { message } = options;
    if (record === undefined) return "missing";
    shard.settle(record);
    const origin = this.#ownOrigin(record, message);
    if (origin !== null) ledger.looked(message);
    if (origin === null && rules.holds("failOwnRequests")) {
      record.facts.excused = true;
      return "outdated";
    }
    const refusal = this.#refuse(record, message, origin, { to: options.working, from: options.from });
    if (refusal === "outdated" || refusal === "handled") return refusal;
    if (origin !== null && !isFinal(record.status) && this.#hasNewerRequest(record, message.queue, origin))
      return "handled";
    if (refusal !== null) return refusal;
    return record.lease === null ? null : "leased";
  }

  /** Returns true if this queue claimed the job, or another message of it was stored, after this message was stored and due. */
  #hasNewerRequest(record: JobRecord, queue: string, origin: Origin): boolean {
    const { rules } = this.#environment;
    const claim = record.newestClaim[queue];
    const newest = record.newestMessage[queue];
    const due = rules.holds("failAfterDue") ? origin.due : 0;
    if (rules.holds("failUnlessClaimed") && claim !== undefined && origin.version < claim.version && due <= claim.at) {
      return true;
    }
    if (!rules.holds("failUnlessNewer") || newest === undefined || newest.version <= origin.version) return false;
    return due <= newest.due || newest.version > (claim?.version ?? 0);
  }

  /** Returns true if the claim that got the lease answers this message, too. */
  #covers(record: JobRecord, message: Message, origin: Origin | null): boolean {
    const { rules } = this.#environment;
    const { claim } = record;
    if (claim === null) return false;
    if (claim.queue !== message.queue && rules.holds("coversOneQueue")) return false;
    if (claim.messageId === message.id && rules.holds("ownMessageCovered")) return true;
    if (origin === null || origin.version > claim.version) return false;
    return origin.due <= claim.at || !rules.holds("dueAtClaim");
  }

  #remember(record: JobRecord, message: Message): void {
    const { rules, ledger } = this.#environment;
    if (!rules.holds("remember")) return;
    ledger.replaced(
      record.remembered.find(({ queue }) => queue === message.queue),
      message,
    );
    const others = record.remembered.filter(({ queue }) => queue !== message.queue);
    record.remembered = rules.holds("rememberPerQueue") ? [...others, message] : [message];
    if (rules.holds("recordIdsWhenSeen") && this.#ownOrigin(record, message) === null) {
      this.#recordId(record, message.id, record.version);
    }
  }

  #recordId(record: JobRecord, id: string, version: number): void {
    record.seen = [...record.seen.filter((seen) => seen.id !== id), { id, version }].slice(-REMEMBERED_IDS);
  }

  /** Gives the job to the caller, and sends the message of another queue whose lease ended. */
  #take(
    shard: Shard,
    record: JobRecord,
    message: Message,
    options: Pick<ClaimOptions, "to" | "key">,
    known: boolean,
  ): ClaimReply {
    const { ledger, rules, time } = this.#environment;
    const { to, key } = options;
    if (record.stored !== null && record.stored.queue !== message.queue && rules.holds("storedOfOtherQueue")) {
      shard.sendAgain(record, record.stored);
    }
    ledger.claiming(record, message, to, known, time.now);
    const was = record.status;
    record.version++;
    if (was !== to) {
      record.status = to;
      record.enteredAt = shard.clock;
    }
    if (rules.holds("claimAnswersRemembered")) {
      record.remembered = record.remembered.filter(({ queue }) => queue !== message.queue);
    }
    shard.places.enter(record);
    record.lease = { until: shard.clock + LEASE, owned: true };
    record.endedVersion = 0;
    record.expiryCounted = false;
    record.stored = message;
    record.sendAgain = false;
    const hadOrigin = this.#ownOrigin(record, message) !== null;
    if (!hadOrigin && rules.holds("recordIdsWhenSeen")) this.#recordId(record, message.id, record.version);
    record.claim = {
      key,
      queue: message.queue,
      messageId: message.id,
      hadOrigin,
      version: record.version,
      at: time.now,
    };
    record.newestClaim[message.queue] = { version: record.version, at: time.now };
    record.keys = [...record.keys, key].slice(-this.#keptKeys);
    record.facts.lastKeys = [...record.facts.lastKeys, key].slice(-4);
    const { id, creation, createdAt, attempt, version, status } = record;
    record.claimAnswer = {
      kind: "claimed",
      job: { store: this.name, id, creation, createdAt, attempt, version, status, key },
      was,
      failedAttempts: record.failedAttempts,
      expiredLeases: record.expiredLeases,
    };
    return record.claimAnswer;
  }

  /** Renews a lease, or gives one again that ended at its time. */
  #giveAgain(shard: Shard, record: JobRecord, seconds: Seconds): void {
    const { rules, ledger } = this.#environment;
    if (record.lease === null) {
      record.sendAgain = false;
      if (record.expiryCounted && rules.holds("uncountRenewed")) record.expiredLeases--;
      record.expiryCounted = false;
      ledger.leaseGivenAgain(record);
    }
    record.counted = true;
    record.lease = { until: shard.clock + seconds, owned: true };
  }

  /** Moves a job to a status by a change, with everything that belongs to it. */
  #enter(shard: Shard, record: JobRecord, to: Status): void {
    const { ledger, rules } = this.#environment;
    const was = record.status;
    record.version++;
    record.status = to;
    record.lease = null;
    shard.places.leave(record);
    record.endedVersion = 0;
    record.stored = null;
    record.sendAgain = false;
    record.facts.notBefore = 0;
    record.enteredAt = shard.clock;
    if (was !== to) {
      record.facts.errors = 0;
      if (rules.holds("attemptsSinceEntry")) record.failedAttempts = 0;
    }
    if (isFinal(was)) {
      record.attempt++;
      Shard.beginRun(record);
    }
    if (isFinal(to)) {
      record.remembered = [];
      ledger.final(record);
      const sends = this.lifecycle.sendsWhenFinal;
      if (sends !== undefined) shard.send(record, sends);
    } else if (was !== to) shard.sendRemembered(record);
  }

  /** Returns true if a snapshot is of the present state. */
  #matches(record: JobRecord, job: ClaimedJob): boolean {
    const { rules } = this.#environment;
    if (record.createdAt !== job.createdAt) return false;
    if (rules.holds("statusOfSnapshot") && record.status !== job.status) return false;
    return record.version === job.version || !rules.holds("fence");
  }
}
