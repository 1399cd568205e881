import type { Broker, DeadLetter, Delivery } from "./broker.js";
import type { Ledger } from "./invariants.js";
import type { Rules } from "./rules.js";
import type { Store } from "./store.js";
import {
  type Change,
  type ChangeReply,
  type ClaimedJob,
  type ClaimReply,
  CONTACT_EVERY,
  HEARTBEAT,
  LEASE,
  LOST_WORKERS,
  type Message,
  type NewMessage,
  type Origin,
  RETRY_DELAYS,
  type Seconds,
  type Status,
} from "./types.js";

/** Results of `run`, each with what the worker stores. */
export const OUTCOMES = {
  done: { to: "done" },
  wait: { to: "waiting" },
  waitAndSendLater: { to: "waiting", outbox: [{ queue: "q", delay: 9 }] },
  waitAndAskOther: {
    to: "waiting",
    outbox: [
      { queue: "q", jobId: "K", delay: 7 },
      { queue: "q", delay: 9 },
    ],
  },
  startOver: { to: "pending", outbox: [{ queue: "q" }] },
  startOverInBothQueues: { to: "pending", outbox: [{ queue: "q" }, { queue: "q2" }] },
  requestEncoding: { to: "encodable", outbox: [{ queue: "q2" }] },
  handOver: { to: "encoding", outbox: [{ queue: "q2" }] },
  error: "error",
  postpone: "postpone",
} as const satisfies Record<string, { to: Status; outbox?: readonly NewMessage[] } | "error" | "postpone">;

export type OutcomeName = keyof typeof OUTCOMES;

/** Time for which `RetryLater` postpones a job. */
const POSTPONED: Seconds = 30;
/** Time after a failover for which acknowledged messages are looked at again, in steps of the schedule. */
const RECENT_STEPS = 8;
const SEARCH_EVERY: Seconds = 20;

export interface WorkerSetup {
  readonly name: string;
  readonly queue: string;
  readonly store: string;
  readonly from: readonly Status[];
  readonly working: Status;
  readonly outcomes: readonly OutcomeName[];
  /** Outcomes for a job that was claimed from its initial status. @default outcomes */
  readonly firstOutcomes?: readonly OutcomeName[] | undefined;
  /** Store and jobs that `ready` waits for while the job is in `waiting`. */
  readonly readyAfter?: { readonly store: string; readonly jobs: readonly string[] } | undefined;
}

/** Progress of a worker with one message. */
export type TaskState =
  | { readonly name: "reading" }
  | { readonly name: "asking"; readonly ifVersion: number }
  | { readonly name: "claiming"; readonly key: string; readonly ifVersion?: number | undefined }
  | { readonly name: "running"; readonly was: Status; readonly failedAttempts: number }
  | { readonly name: "storing"; readonly change: Change }
  | { readonly name: "failing"; readonly key: string; readonly letter: DeadLetter | null }
  | { readonly name: "storingFailure"; readonly letter: DeadLetter | null }
  | { readonly name: "acknowledging" };

/** Work on one message. */
export interface Task {
  readonly number: number;
  /** Connection on which the message was delivered. -1: the worker looks at an acknowledged message again. */
  readonly connection: number;
  readonly delivery: Delivery;
  /** Message as the worker passes it to the store; a lost claim gives it another origin. */
  message: Message;
  state: TaskState;
  /** Job that this task claimed and runs. */
  job: ClaimedJob | null;
  /** True if a heartbeat found that the job was changed by someone else. */
  lost: boolean;
  /** Origin of the latest claim of this task. */
  origin: Origin | null;
}

/** States in which a task waits for a call to the store. */
export function callsStore(state: TaskState): boolean {
  return state.name !== "running" && state.name !== "acknowledging";
}

export interface Surroundings {
  readonly rules: Rules;
  readonly ledger: Ledger;
  readonly broker: Broker;
  readonly store: (name: string) => Store;
  readonly time: { readonly now: Seconds };
}

/** Worker of one queue. */
export class Worker {
  readonly setup: WorkerSetup;
  tasks: Task[] = [];
  unacknowledged: Delivery[] = [];
  /** True while the event loop is blocked. */
  blocked = false;
  /** True if a heartbeat became overdue while the event loop was blocked. */
  overdue = false;
  /** Jobs of a heartbeat that is on its way to the store. */
  heartbeatInFlight: readonly ClaimedJob[] | null = null;
  /** Step at which this worker crashed or was closed last. */
  endedAtStep = Number.NEGATIVE_INFINITY;
  #recent: { readonly task: Task; readonly step: number }[] = [];
  #connection = 0;
  #tasks = 0;
  #keys = 0;
  readonly #around: Surroundings;

  constructor(setup: WorkerSetup, around: Surroundings) {
    this.setup = setup;
    this.#around = around;
  }

  get name(): string {
    return this.setup.name;
  }

  get store(): Store {
    return this.#around.store(this.setup.store);
  }

  get jobs(): ClaimedJob[] {
    return this.tasks.flatMap(({ job }) => job ?? []);
  }

  /** Returns true if this worker runs the claim with this key. */
  runs(key: string): boolean {
    return !this.blocked && this.tasks.some(({ job, lost }) => job?.key === key && !lost);
  }

  receive(delivery: Delivery): void {
    this.#around.broker.take(delivery);
    this.unacknowledged.push(delivery);
    this.#start(delivery, this.#connection);
  }

  /** Examines a message that the broker dead-lettered by itself. */
  search(letter: DeadLetter): void {
    const task = this.#start(letter, -1);
    task.state = { name: "failing", key: this.#newKey(), letter };
  }

  /** Returns the outcomes that `run` can have now. */
  outcomesOf(task: Task): readonly OutcomeName[] {
    const { outcomes, firstOutcomes } = this.setup;
    return task.state.name === "running" && task.state.was === "pending" ? (firstOutcomes ?? outcomes) : outcomes;
  }

  /** Ends `run` with an outcome. */
  finish(task: Task, name: OutcomeName): void {
    if (task.state.name !== "running" || task.job === null) return;
    if (task.lost) {
      this.#lookAgain(task);
      return;
    }
    const { failedAttempts } = task.state;
    const { working } = this.setup;
    const outcome = OUTCOMES[name];
    if (outcome === "postpone") this.#storeOutcome(task, { to: working, lease: POSTPONED });
    else if (outcome !== "error") this.#storeOutcome(task, outcome);
    else if (failedAttempts < RETRY_DELAYS.length) {
      this.#storeOutcome(task, { to: working, failedAttempt: true, lease: RETRY_DELAYS[failedAttempts] });
    } else this.#storeOutcome(task, { to: "failed", failedAttempt: true, reason: "RETRIES_EXHAUSTED" });
  }

  /** Makes the call that a task waits for. If the reply is lost, the task makes the same call again later. */
  call(task: Task, replyLost: boolean): void {
    const { state } = task;
    switch (state.name) {
      case "reading":
        this.#read(task, replyLost);
        return;
      case "asking":
        this.#ask(task, state.ifVersion, replyLost);
        return;
      case "claiming": {
        const { from, working: to } = this.setup;
        const { message } = task;
        const reply = this.store.claim(message.jobId, {
          from,
          to,
          key: state.key,
          message,
          ifVersion: state.ifVersion,
        });
        if (replyLost) this.#around.ledger.copied(message);
        else this.#claimed(task, reply);
        return;
      }
      case "storing": {
        if (task.job === null) return;
        const reply = this.store.change(task.job, state.change);
        if (!replyLost) this.#stored(task, reply);
        return;
      }
      case "failing":
        this.#fail(task, state.key, state.letter, replyLost);
        return;
      case "storingFailure": {
        if (task.job !== null)
          this.store.change(task.job, { to: "failed", key: `${task.job.key}/failed`, handled: true });
        task.job = null;
        if (!replyLost) this.#endLetter(task, state.letter, "failed");
        return;
      }
      case "running":
      case "acknowledging":
    }
  }

  acknowledge(task: Task): void {
    this.#recent.push({ task, step: this.#around.ledger.step });
    this.#forget(task);
    this.#end(task);
  }

  /** Lets one second pass: heartbeats and contacts. */
  second(now: Seconds): void {
    if (this.blocked) return;
    const { rules } = this.#around;
    if (now % HEARTBEAT === 0 || this.overdue) {
      this.overdue = false;
      for (const task of this.tasks) {
        if (task.job === null || this.store.shardOf(task.job.id).down) continue;
        if (this.store.renewLeases([task.job], LEASE)[0] === false) task.lost = true;
      }
    }
    if (now % CONTACT_EVERY !== 0 || !rules.holds("idleContact")) return;
    for (const shard of this.store.shards) if (!shard.down) shard.contact();
  }

  wake(): void {
    this.blocked = false;
    this.overdue = true;
  }

  /** Lets a heartbeat arrive that was on its way. The worker ignores its late reply. */
  heartbeatArrives(): void {
    const jobs = this.heartbeatInFlight ?? [];
    this.heartbeatInFlight = null;
    this.store.renewLeases(jobs, LEASE);
  }

  /** Loses the connection to the broker: all unacknowledged messages return to their queue. */
  disconnect(closing = false): void {
    for (const delivery of this.unacknowledged.reverse()) this.#around.broker.giveBack(delivery, closing);
    this.unacknowledged = [];
    this.#connection++;
  }

  /** Loses the connection and all unacknowledged messages with it. */
  forgetDeliveries(): void {
    this.unacknowledged = [];
    this.#connection++;
  }

  crash(): void {
    this.#stop();
    this.disconnect();
  }

  /** Closes the worker after its grace period: ends the leases of its jobs and returns its messages. Another process takes its place. */
  close(): void {
    const { rules, broker, ledger } = this.#around;
    const kept = new Set<Delivery>();
    for (const task of this.tasks) {
      if (task.job === null) continue;
      const ended = this.store.shardOf(task.job.id).down || this.store.renewLeases([task.job], 0)[0] === true;
      if (!ended) continue;
      kept.add(task.delivery);
      if (!this.store.shardOf(task.job.id).down && rules.holds("acknowledgeOnClose")) this.#forget(task);
    }
    for (const delivery of [...this.unacknowledged]) {
      if (kept.has(delivery) || !rules.holds("republishOnClose")) continue;
      ledger.copied(delivery.message);
      this.unacknowledged = this.unacknowledged.filter((other) => other !== delivery);
      broker.publish(delivery.message);
    }
    this.#stop();
    this.disconnect(true);
  }

  /** Stops waiting for a `run` that does not settle after its job was lost. */
  abandon(task: Task): void {
    const { rules, broker, ledger } = this.#around;
    this.#end(task);
    if (!this.unacknowledged.includes(task.delivery)) return;
    this.#forget(task);
    if (task.job !== null) ledger.lost(task.message, task.job);
    const origin = rules.holds("returnWithClaimOrigin") ? task.origin : task.message.origin;
    broker.publish({ ...task.message, origin });
  }

  /** Looks again at the messages whose outcome a failover of the store may have lost. */
  lookAgainAfterFailover(): void {
    const { rules, ledger } = this.#around;
    const recent = this.#recent.filter(({ step }) => step >= ledger.step - RECENT_STEPS).map(({ task }) => task);
    this.#recent = [];
    if (!rules.holds("lookAfterFailover")) return;
    for (const { delivery, message, origin } of [
      ...recent,
      ...this.tasks.filter(({ state }) => state.name === "acknowledging"),
    ]) {
      const task = this.#start(delivery, -1);
      task.message = { ...message, origin: origin ?? message.origin };
    }
  }

  #start(delivery: Delivery, connection: number): Task {
    const task: Task = {
      number: ++this.#tasks,
      connection,
      delivery,
      message: delivery.message,
      state: { name: "reading" },
      job: null,
      lost: false,
      origin: null,
    };
    this.tasks.push(task);
    this.#look(task);
    return task;
  }

  #look(task: Task): void {
    task.job = null;
    task.lost = false;
    if (task.message.unreadable) task.state = { name: "failing", key: this.#newKey(), letter: null };
    else if (this.setup.readyAfter !== undefined) task.state = { name: "reading" };
    else task.state = { name: "claiming", key: this.#newKey() };
  }

  #read(task: Task, replyLost: boolean): void {
    const record = this.store.find(task.message.jobId);
    if (replyLost) return;
    if (record === undefined) task.state = { name: "claiming", key: this.#newKey() };
    else if (record.status === "waiting") task.state = { name: "asking", ifVersion: record.version };
    else task.state = { name: "claiming", key: this.#newKey(), ifVersion: record.version };
  }

  #ask(task: Task, ifVersion: number, replyLost: boolean): void {
    const { readyAfter } = this.setup;
    if (replyLost || readyAfter === undefined) return;
    const jobs = readyAfter.jobs.map((id) => this.#around.store(readyAfter.store).find(id));
    if (jobs.every((job) => job === undefined || job.status === "done" || job.status === "failed")) {
      task.state = { name: "claiming", key: this.#newKey(), ifVersion };
      return;
    }
    this.#around.ledger.answered(task.message);
    task.state = { name: "acknowledging" };
  }

  #claimed(task: Task, reply: ClaimReply): void {
    if (reply.kind === "changed" && this.#around.rules.holds("lookAgainIfChanged")) {
      this.#look(task);
      return;
    }
    if (reply.kind !== "claimed") {
      task.state = { name: "acknowledging" };
      return;
    }
    const { job, was, failedAttempts, expiredLeases } = reply;
    task.job = job;
    const { store, id: jobId, creation, attempt, version } = job;
    task.origin = { store, jobId, creation, attempt, version, due: 0 };
    if (expiredLeases >= LOST_WORKERS) this.#storeOutcome(task, { to: "failed", reason: "WORKER_LOST" });
    else task.state = { name: "running", was, failedAttempts };
  }

  #storeOutcome(task: Task, change: Omit<Change, "key" | "handled">): void {
    task.state = { name: "storing", change: { ...change, key: `${task.job?.key}/outcome`, handled: true } };
  }

  #stored(task: Task, reply: ChangeReply): void {
    switch (reply) {
      case "ok":
        task.job = null;
        task.state = { name: "acknowledging" };
        return;
      case "refused":
        // INVALID_OUTCOME: the store refuses the outcome because of its contents.
        task.state = { name: "storing", change: { to: "failed", key: `${task.job?.key}/invalid`, handled: true } };
        return;
      case "missing":
      case "conflict":
        this.#lookAgain(task);
        return;
    }
  }

  /** Looks at the message of a lost job again. */
  #lookAgain(task: Task): void {
    if (task.job !== null) this.#around.ledger.lost(task.message, task.job);
    if (this.#around.rules.holds("lookWithClaimOrigin")) task.message = { ...task.message, origin: task.origin };
    this.#look(task);
  }

  #fail(task: Task, key: string, letter: DeadLetter | null, replyLost: boolean): void {
    const { from, working } = this.setup;
    const { message } = task;
    const options = { from, working, message };
    if (this.#around.rules.holds("failInOneStep")) {
      const reply = this.store.failRequest(message.jobId, options);
      if (!replyLost) this.#endLetter(task, letter, reply);
      return;
    }
    const reply = this.store.claimToFail(message.jobId, key, options);
    if (replyLost) return;
    if (reply.kind !== "claimed") {
      this.#endLetter(task, letter, reply.kind);
      return;
    }
    task.job = reply.job;
    task.state = { name: "storingFailure", letter };
  }

  /** Ends the examination of an unreadable message or a dead letter. */
  #endLetter(task: Task, letter: DeadLetter | null, reply: string): void {
    const { broker, rules, time } = this.#around;
    const leased = reply === "leased";
    if (letter === null) {
      const decided = !leased || !rules.holds("searchUnreadableOfLeased");
      if (this.unacknowledged.includes(task.delivery)) broker.deadLetter(task.delivery, { byBroker: false, decided });
      this.#forget(task);
    } else if (leased && rules.holds("keepLetterOfLeased"))
      broker.keep(letter, { searchFrom: time.now + SEARCH_EVERY });
    else if (letter.byBroker) broker.discard(letter);
    else broker.keep(letter, { decided: true });
    this.#end(task);
  }

  /** Acknowledges the delivery of a task, if its connection still exists. */
  #forget(task: Task): void {
    if (task.connection !== this.#connection) return;
    this.unacknowledged = this.unacknowledged.filter((delivery) => delivery !== task.delivery);
  }

  #end(task: Task): void {
    this.tasks = this.tasks.filter((other) => other !== task);
  }

  #stop(): void {
    this.tasks = [];
    this.#recent = [];
    this.endedAtStep = this.#around.ledger.step;
  }

  #newKey(): string {
    return `${this.name}/${++this.#keys}`;
  }
}
