import {
  type ClaimedJob,
  isFinal,
  type JobRecord,
  LOST_WORKERS,
  type Message,
  RETRY_DELAYS,
  type RunFacts,
  type Seconds,
} from "./types.js";

/** Invariants of the protocol. */
export const INVARIANTS = {
  I1: "A run of a job enters a final status at most once, and a repeated outcome that was stored is not refused.",
  I2: "A worker that was replaced changes neither the job nor its lease.",
  I2x: "The same as I2 for a job that is in another status than the worker claimed. It holds after a failover, too.",
  I3: "After an outcome, no message that was stored and due before the claim of this outcome starts the job again; a retry does not start early.",
  I3x: "The same as I3 for copies of messages without an origin for the job.",
  I4: "A message of an earlier run starts nothing and fails nothing; a dead letter fails no job that has a newer request.",
  I5: "When the faults end, every job reaches a final status, and every request of its present run was answered.",
  I6: "A job fails with RETRIES_EXHAUSTED after its last retry, not earlier and not later.",
  I7: "A job fails with WORKER_LOST after the declared number of lost workers, not earlier and not later.",
  I8: "The lease of a live worker that contacts the store does not end.",
  I9: "A job with a lease does not time out.",
  I10: "A retry and a postponed job can start at their time by the clock of the server, whatever was unavailable during the wait.",
  I11: "The broker dead-letters no message only because workers were closed.",
  I12: "A claim gives no lease above the limit of its key.",
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** State that breaks an invariant. */
export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, text: string) {
    super(`${invariant}: ${text}`);
    this.invariant = invariant;
  }
}

/** One run of a job: from its creation or a retry to a final status. */
interface Run {
  readonly creation: number;
  readonly attempt: number;
}

/** Request to look at a job. Every message belongs to one; copies belong to the request of the original. */
export interface Request {
  readonly number: number;
  readonly name: string;
  readonly queue: string;
  readonly store: string;
  readonly jobId: string;
  /** Run of the job when the message was stored. null: the job did not exist. */
  readonly run: Run | null;
  /** True if a change of the job itself stored the message. */
  readonly own: boolean;
  /** Step at which the message was stored and due. null: not due yet. */
  since: number | null;
  due: Seconds;
  /** Version of the change that stored the message. 0: not stored by a change of the job. */
  readonly version: number;
  /** Step at which the store first decided about a message without an origin for the job. */
  firstSeen: number | null;
  answered: boolean;
  /** True if a user deleted the message before it was due. */
  cancelled: boolean;
  copied: boolean;
  /** Run that a worker claimed for this request and then lost. */
  lostRun: Run | null;
  /** Requests that a newer message of the same queue replaced. An answer to this request answers them. */
  readonly replaces: Request[];
}

export function newFacts(): RunFacts {
  return {
    errors: 0,
    losses: 0,
    leaseLost: false,
    closedVersion: 0,
    finals: 0,
    servedAt: {},
    claimedAtStep: -1,
    claimedAt: {},
    notBefore: 0,
    overSince: -1,
    lastKeys: [],
    needsLostWorker: false,
    excused: false,
    givenAgain: false,
  };
}

/** Ledger of all requests. The model reports what happens; the ledger checks the invariants and changes nothing in the model. */
export class Ledger {
  /** Number of actions so far. */
  step = 0;
  readonly requests: Request[] = [];
  readonly #ignored: ReadonlySet<Invariant>;

  constructor(ignored: readonly Invariant[]) {
    this.#ignored = new Set(ignored);
  }

  violated(invariant: Invariant, text: string): void {
    if (!this.#ignored.has(invariant)) throw new Violation(invariant, text);
  }

  request(of: Message): Request {
    const request = this.requests[of.request];
    if (request === undefined) throw new Error(`No request ${of.request}`);
    return request;
  }

  /** Adds a request and returns its number. `target` is the job that the message names. */
  add(
    request: Pick<Request, "name" | "queue" | "store" | "jobId" | "own" | "due">,
    target: JobRecord | undefined,
  ): number {
    const number = this.requests.length;
    this.requests.push({
      ...request,
      number,
      run: target === undefined ? null : { creation: target.creation, attempt: target.attempt },
      since: request.due > 0 ? null : this.step,
      version: request.own && target !== undefined ? target.version : 0,
      firstSeen: null,
      answered: false,
      cancelled: false,
      copied: false,
      lostRun: null,
      replaces: [],
    });
    return number;
  }

  /** Records that time passed: delayed requests become due. */
  timePassed(now: Seconds): void {
    for (const request of this.requests) if (request.since === null && request.due <= now) request.since = this.step;
  }

  /** Records that a message was copied, for example by a redelivery. */
  copied(message: Message): void {
    this.request(message).copied = true;
  }

  rescheduled(message: Message, due: Seconds, now: Seconds): void {
    const request = this.request(message);
    request.due = due;
    if (due <= now) request.since = this.step;
  }

  /** Records that a user deleted a message. No worker answers its request any more. */
  cancelled(message: Message): void {
    const request = this.request(message);
    request.answered = true;
    request.cancelled = true;
    request.due = Number.POSITIVE_INFINITY;
  }

  /** Records that a worker lost the job that it claimed for a message, and will look at the message again. */
  lost(message: Message, { creation, attempt }: Run): void {
    this.request(message).lostRun = { creation, attempt };
  }

  /** Records that a message was looked at, and that the present state of its job needs no work for it. */
  answered(message: Message): void {
    const answered = new Set([this.request(message)]);
    // A set also visits elements that are added during the iteration. Copies can replace each other.
    for (const request of answered) {
      request.answered = true;
      for (const replaced of request.replaces) answered.add(replaced);
    }
  }

  /** Records that `newer` takes the place of `older`. */
  replaced(older: Message | undefined, newer: Message): void {
    if (older === undefined || older.request === newer.request) return;
    const [from, to] = [this.request(older), this.request(newer)];
    if (from.run?.creation === to.run?.creation && from.run?.attempt === to.run?.attempt) to.replaces.push(from);
  }

  /** Records that `claim` decided about a message. */
  looked(message: Message): void {
    const request = this.request(message);
    request.firstSeen ??= request.own ? request.since : this.step;
  }

  /** Records that a claim refused a message because of the job's status. Its id is not recorded then. */
  refusedByStatus(message: Message): void {
    const request = this.request(message);
    if (!request.own) request.firstSeen = null;
  }

  /** Checks a claim before the store changes the record. `known`: the store knows at which version the message was stored. */
  claiming(record: JobRecord, message: Message, to: string, known: boolean, now: Seconds): void {
    const { facts } = record;
    const request = this.request(message);
    const sameRun = isRun(record, request.run);
    const served = facts.servedAt[message.queue] ?? -1;
    // A message also requests what the messages requested that it replaced.
    const firstSeen =
      request.firstSeen !== null && Math.max(...[request, ...request.replaces].map((one) => one.firstSeen ?? -1));
    if (sameRun && firstSeen !== false && firstSeen <= served && record.status !== to) {
      const invariant = !known || (request.copied && !request.own) ? "I3x" : "I3";
      this.violated(
        invariant,
        `${message.name} starts ${record.id} again, although a claim after it has its outcome stored`,
      );
    }
    if (facts.notBefore > now) this.violated("I3", `${record.id} starts before the time of its retry`);
    if (known && request.own && !sameRun) this.violated("I4", `${message.name} of an earlier run starts ${record.id}`);
    const { lostRun } = request;
    if (lostRun !== null && !request.copied && !isRun(record, lostRun)) {
      this.violated("I4", `${message.name}, for which an earlier run was claimed, starts ${record.id}`);
    }
    if (facts.leaseLost) {
      facts.losses++;
      facts.leaseLost = false;
    }
    facts.claimedAtStep = this.step;
    facts.claimedAt[message.queue] = this.step;
    facts.notBefore = 0;
  }

  /** Checks that a place is free for a claim. `running`: all other jobs with a worker's lease. */
  limited(record: JobRecord, running: readonly JobRecord[], max: number): void {
    record.facts.givenAgain = false;
    const counting = running.filter(({ facts }) => !facts.givenAgain);
    if (counting.length >= max)
      this.violated("I12", `${record.id} runs with ${counting.map(({ id }) => id).join(", ")}`);
  }

  /** Checks that a job without a worker is not held longer than until its time. */
  held(record: JobRecord, now: Seconds): void {
    if (record.lease !== null && !record.lease.owned && record.facts.notBefore <= now) {
      this.violated("I10", `${record.id} is not started although its time was ${record.facts.notBefore}`);
    }
  }

  /** Records the end of a lease. */
  leaseEnded(record: JobRecord, how: "time" | "zero", owned: boolean): void {
    const { facts } = record;
    if (how === "zero") facts.closedVersion = record.version;
    else if (owned && facts.closedVersion !== record.version) facts.leaseLost = true;
    if (!owned) facts.notBefore = 0;
  }

  leaseGivenAgain(record: JobRecord): void {
    record.facts.leaseLost = false;
    record.facts.givenAgain = true;
  }

  /** Checks a refused outcome. */
  conflict(record: JobRecord, key: string | undefined): void {
    if (key !== undefined && record.facts.lastKeys.includes(key)) {
      this.violated("I1", `outcome ${key} was stored, and its repetition was refused`);
    }
  }

  /** Checks a change by a worker: its claim must be the latest one of the stored job. */
  changedByWorker(record: JobRecord, job: ClaimedJob): void {
    if (record.creation === job.creation && record.claim?.key === job.key) return;
    this.violated(
      record.status === job.status ? "I2" : "I2x",
      `${job.key}, which was replaced, changes ${record.id} in status ${record.status}`,
    );
  }

  /** Checks that a worker's outcome fits the number of errors and lost workers. */
  outcome(record: JobRecord, failedAttempt: boolean, reason: string | undefined): void {
    const { facts } = record;
    const lost = facts.losses >= LOST_WORKERS;
    if (reason === "WORKER_LOST" && !lost) this.violated("I7", `WORKER_LOST after ${facts.losses} lost workers`);
    if (reason !== "WORKER_LOST" && lost) this.violated("I7", `no WORKER_LOST after ${facts.losses} lost workers`);
    if (failedAttempt) facts.errors++;
    const exhausted = facts.errors > RETRY_DELAYS.length;
    if (reason === "RETRIES_EXHAUSTED" && !exhausted) this.violated("I6", `exhausted after ${facts.errors} errors`);
    if (failedAttempt && reason === undefined && exhausted) this.violated("I6", `error ${facts.errors} is retried`);
  }

  /** Records a change of a job, made by whomever. */
  changed(record: JobRecord, key: string | undefined): void {
    record.facts.losses = 0;
    record.facts.leaseLost = false;
    record.facts.lastKeys = [...record.facts.lastKeys, key ?? null].slice(-4);
  }

  /** Records that a worker stored an outcome, which answers the requests of its queue up to its claim. */
  served(record: JobRecord, queue: string): void {
    record.facts.servedAt[queue] = record.facts.claimedAtStep;
  }

  /** Records that another process changed the status of a claimed job, and so takes over its requests. */
  takenOver(store: string, record: JobRecord, queue: string): void {
    for (const request of this.requests) {
      const sameJob = request.store === store && request.jobId === record.id && request.queue === queue;
      if (sameJob && request.since !== null && request.since <= record.facts.claimedAtStep) request.answered = true;
    }
  }

  /** Checks that a run ends once. */
  final(record: JobRecord): void {
    if (++record.facts.finals > 1) this.violated("I1", `${record.id} enters a final status twice in one run`);
  }

  /** Checks a job that fails because of a message that no worker can process. */
  failedByLetter(record: JobRecord, message: Message): void {
    const request = this.request(message);
    const { facts, id } = record;
    const isOfRun = ({ run }: Request) => isRun(record, run);
    if (message.origin?.jobId !== id) this.violated("I4", `${message.name}, which has no origin for ${id}, fails it`);
    if (request.own && !isOfRun(request)) this.violated("I4", `${message.name} of an earlier run fails ${id}`);
    // A message that was sent again answers every request up to the claim that stored it.
    const claimedAt = facts.claimedAt[message.queue] ?? -1;
    const sentAgain = (message.origin?.version ?? 0) >= (record.newestClaim[message.queue]?.version ?? 0);
    const since = Math.max(request.since ?? this.step, sentAgain ? claimedAt : -1);
    // The store keeps one message as the newest, so it does not know all delayed ones.
    const isNewer = (other: Request) =>
      other.own &&
      other.since !== null &&
      other.since > since &&
      other.version > (message.origin?.version ?? 0) &&
      (request.due === 0 || other.due === 0) &&
      other.queue === request.queue &&
      isOfRun(other);
    const ofJob = this.requests.filter((other) => other.store === request.store && other.jobId === id);
    const newer = ofJob.find(isNewer);
    // When the newest message is cancelled, the store knows no newer one.
    const isKnown = !ofJob.some((other) => other.cancelled && other.queue === request.queue && isOfRun(other));
    if (newer !== undefined && isKnown)
      this.violated("I4", `${message.name} fails ${id}, although ${newer.name} was stored later`);
    if (claimedAt > since && request.own)
      this.violated("I4", `${message.name} fails ${id}, which was claimed after it`);
  }

  /** Checks a message that reached the delivery limit. */
  deadLettered(message: Message, deliveries: number, closes: number): void {
    if (closes === deliveries) this.violated("I11", `${message.name} is dead-lettered after ${closes} closes`);
  }

  /** Returns the requests of this job's present run without an answer. */
  unanswered(store: string, record: JobRecord): Request[] {
    if (isFinal(record.status) || record.facts.excused) return [];
    return this.requests.filter(
      (request) =>
        request.store === store &&
        request.jobId === record.id &&
        isRun(record, request.run) &&
        !request.answered &&
        request.since !== null &&
        request.since > (record.facts.servedAt[request.queue] ?? -1),
    );
  }
}

function isRun(record: JobRecord, run: Run | null): boolean {
  return run?.creation === record.creation && run.attempt === record.attempt;
}
