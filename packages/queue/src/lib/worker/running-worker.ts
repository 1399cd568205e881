import { hostname } from "node:os";
import { checkDuration, checkOptions, type KeysOf } from "../arguments.js";
import { DEFAULT_GRACE_MS } from "../consumer.js";
import { DeliverySource, type DeliverySourceOptions, SourceDelivery } from "../delivery-source.js";
import type { Delivery, Envelope } from "../driver.js";
import { QueueError } from "../errors.js";
import { toError } from "../failures.js";
import { END_SUBSCRIPTION_MS, pause, unlessAborted, withinTime } from "../timers.js";
import { callRun } from "./active-run.js";
import type { WorkItem } from "./claim.js";
import { CLOSE_GRACE_MS } from "./claimed-job.js";
import { DeadLetterSearch } from "./dead-letter-search.js";
import { Heartbeat } from "./heartbeat.js";
import { JobTask, returnItem, type TaskHooks, type TaskSurroundings } from "./job-task.js";
import type { WorkerSettings } from "./options.js";
import { Outages } from "./outages.js";
import { QueuePause } from "./queue-pause.js";
import { RecentAcknowledgements } from "./recent-acknowledgements.js";
import { StoreCalls } from "./store-calls.js";
import { TimeLimits } from "./time-limits.js";
import type { Worker } from "./types.js";
import { type Announcement, watchStore } from "./worker-store.js";

/** Time after the grace period in which `close` ends leases and returns messages. With the other times, it settles within 4 s. */
const END_LEASES_MS = 1_000;
/** A little longer than `close` of the source takes at most. */
const END_SOURCE_MS = END_SUBSCRIPTION_MS + 300;
/** Time between two looks at the queue of `idle`. */
const IDLE_POLL_MS = 50;

const CLOSE_OPTIONS: KeysOf<NonNullable<Parameters<Worker["close"]>[0]>> = { graceMs: true };
const IDLE_OPTIONS: KeysOf<NonNullable<Parameters<Worker["idle"]>[0]>> = { signal: true };

/** Worker of one queue: starts a task for each message, at most `concurrency` at a time. */
export class RunningWorker implements Worker {
  readonly #settings: WorkerSettings;
  readonly #calls: StoreCalls;
  readonly #outages: Outages;
  readonly #heartbeat: Heartbeat;
  readonly #search: DeadLetterSearch;
  readonly #queuePause: QueuePause;
  readonly #recent = new RecentAcknowledgements();
  readonly #sourceOptions: DeliverySourceOptions;
  readonly #source: DeliverySource;
  readonly #around: TaskSurroundings;
  /** Functions that all tasks call. */
  readonly #hooks: TaskHooks = {
    admit: (task) => this.#admit(task),
    onStoring: (task) => this.#storing.add(task),
    onSlotFree: (task) => {
      this.#occupying.delete(task);
      this.#endAdmission(task);
      this.#fillSlots();
    },
    onEnd: (task) => {
      this.#storing.delete(task);
      this.#tasks.delete(task);
      this.#endAdmission(task);
      if (this.#tasks.size === 0) this.#onTasksEnded();
      this.#fillSlots();
    },
    onPaused: (pause) => this.#queuePause.begin(pause),
    lookAgain: (item) => this.#lookAgain(item),
  };
  readonly #identity = {
    id: crypto.randomUUID(),
    host: hostname() || "unknown",
    pid: process.pid,
    startedAt: new Date(),
  };
  readonly #removeListeners: (() => void)[] = [];
  readonly #closingSignal = new AbortController();
  /** Messages that no task works on yet. */
  #waiting: WorkItem[] = [];
  /** Tasks whose message is not settled. */
  readonly #tasks = new Set<JobTask>();
  /** Tasks that occupy a slot. */
  readonly #occupying = new Set<JobTask>();
  /** Tasks whose outcome was sent and is not stored yet. */
  readonly #storing = new Set<JobTask>();
  /** Tasks that may run: their run is active, or its outcome is not stored yet. At most `concurrency`. */
  readonly #admitted = new Set<JobTask>();
  /** Tasks with a claimed job that wait until they may run, oldest first, each with the function that lets it run. */
  readonly #admissions = new Map<JobTask, () => void>();
  #received = 0;
  #paused = false;
  #closing: Promise<void> | null = null;
  #onTasksEnded: () => void = () => {};

  constructor(settings: WorkerSettings) {
    const { store, access, emit, queue, prefetch, heartbeatMs, leaseMs } = settings;
    this.#settings = settings;
    this.#calls = new StoreCalls(emit, () => this.#closeEarly("The store was closed before the worker.", 0));
    this.#outages = new Outages(store, this.#calls, access);
    this.#search = new DeadLetterSearch(settings, this.#calls);
    this.#queuePause = new QueuePause({
      store,
      calls: this.#calls,
      emit,
      queue: queue.name,
      onBegin: () => this.#stopConsuming(),
      onEnd: () => this.#consume(),
    });
    this.#heartbeat = new Heartbeat({
      store,
      calls: this.#calls,
      emit,
      heartbeatMs,
      leaseMs,
      holders: () => this.#tasks,
      announcement: () => this.#announcement(),
      onPaused: (pause) => this.#queuePause.begin(pause),
      onContact: () => this.#recent.trim(),
    });
    this.#sourceOptions = {
      session: access.session,
      queue,
      prefetch,
      receive: (delivery) => this.#receive(delivery),
      onConsuming: () => {
        if (this.#closing === null) this.#heartbeat.announceNow();
      },
      report: (error, context) => emit({ type: "error", message: describe(error), error, ...context }),
    };
    this.#source = new DeliverySource(this.#sourceOptions);
    this.#around = this.#createSurroundings();
  }

  start(): void {
    const { access, store, emit, working } = this.#settings;
    if ((store.definition.statuses[working]?.ttlSeconds ?? 0) > 0) {
      const message = `The status "${working}" has a TTL, so a job can expire while it runs. It then counts as lost.`;
      emit({ type: "error", message });
    }
    this.#removeListeners.push(
      access.addConsumer({ close: (graceMs) => this.#closeEarly("The broker was closed before the worker.", graceMs) }),
      access.availability.onChange((available) => {
        const type = available ? "available" : "unavailable";
        emit({ type, message: available ? "The broker is available again." : "The broker is unavailable." });
      }),
      watchStore(store, (type) => this.#onStoreEvent(type)),
    );
    this.#heartbeat.start();
    this.#search.start();
    this.#source.resume();
  }

  get state(): Worker["state"] {
    if (this.#closing !== null) return "closed";
    if (this.#paused || this.#queuePause.active) return "paused";
    return this.#calls.available && this.#source.consuming ? "running" : "waiting";
  }

  get active(): number {
    let active = 0;
    for (const task of this.#occupying) if (task.running) active++;
    return active;
  }

  pause(): void {
    if (this.#closing !== null || this.#paused) return;
    this.#paused = true;
    this.#stopConsuming();
  }

  resume(): void {
    if (this.#closing !== null || !this.#paused) return;
    this.#paused = false;
    this.#consume();
  }

  async idle(options?: Parameters<Worker["idle"]>[0]): Promise<void> {
    const { signal } = checkOptions(options, IDLE_OPTIONS, "idle");
    const { access, queue } = this.#settings;
    // A message can be on its way from the queue to this worker, so the queue is looked at twice.
    for (let quiet = 0, received = -1; quiet < 2; received = this.#received) {
      if (quiet > 0 || received >= 0) await pause(IDLE_POLL_MS, signal === undefined ? {} : { signal });
      signal?.throwIfAborted();
      const stats = this.#isBusy ? null : await unlessAborted(access.session.stats(queue), signal);
      if (stats?.ok === false && stats.failure === "closed") throw toError(stats, { call: "stats", queue: queue.name });
      const quietNow = stats?.ok === true && stats.value.ready === 0 && !this.#isBusy;
      quiet = quietNow && (quiet === 0 || received === this.#received) ? quiet + 1 : 0;
    }
  }

  async close(options?: Parameters<Worker["close"]>[0]): Promise<void> {
    const { graceMs = DEFAULT_GRACE_MS } = checkOptions(options, CLOSE_OPTIONS, "close");
    checkDuration(graceMs, "`graceMs`");
    this.#closing ??= this.#close(graceMs);
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** True while messages that no task works on are returned. */
  get #returnsMessages(): boolean {
    return this.#closing !== null || this.#paused || this.#queuePause.active;
  }

  #stopConsuming(): void {
    this.#background(this.#source.pause());
    void this.#returnWaiting();
  }

  /** Consumes again, if nothing else prevents it. */
  #consume(): void {
    if (this.#returnsMessages) return;
    this.#source.resume();
    this.#fillSlots();
  }

  async #close(graceMs: number): Promise<void> {
    this.#search.stop();
    this.#queuePause.stop();
    this.#closingSignal.abort(this.#closedError("The worker is closing."));
    this.#background(this.#source.pause());
    const returned = this.#returnWaiting();
    // These tasks run no job any more, and end their leases.
    for (const run of this.#admissions.values()) run();
    if (!(await this.#tasksEnded(graceMs))) {
      const reason = this.#closedError(
        `The worker is closing, and its grace period of ${graceMs} ms is over (graceMs).`,
      );
      for (const task of this.#tasks) task.close(reason);
      await this.#tasksEnded(CLOSE_GRACE_MS);
      for (const task of this.#tasks) task.expire();
      this.#calls.stop();
      this.#outages.stop();
      await this.#tasksEnded(END_LEASES_MS);
    }
    this.#calls.stop();
    this.#outages.stop();
    this.#heartbeat.stop();
    const withdrawn = this.#heartbeat.withdraw();
    for (const remove of this.#removeListeners) remove();
    const ended = Promise.all([withdrawn, returned.then(() => this.#source.close())]);
    await withinTime(ended, END_SOURCE_MS).catch((error: unknown) => this.#reportUnexpected(error));
  }

  /** Closes the worker because its store or its broker was closed first. */
  async #closeEarly(message: string, graceMs: number): Promise<void> {
    if (this.#closing === null) {
      this.#settings.emit({ type: "error", message: `${message} Close workers before relay, broker and store.` });
    }
    await this.close({ graceMs });
  }

  #receive(delivery: SourceDelivery): void {
    this.#received++;
    this.#waiting.push({ delivery, origin: delivery.envelope.origin });
    if (this.#returnsMessages) void this.#returnWaiting();
    else this.#fillSlots();
    if (delivery.redelivered) this.#sendAgainIfWaiting(delivery);
  }

  /**
   * Sends a redelivered message again if no slot is free for it. RabbitMQ redelivers a message that waits after each acknowledgement
   * timeout, and dead-letters it at the delivery limit. A copy has no earlier deliveries.
   */
  #sendAgainIfWaiting(delivery: SourceDelivery): void {
    const index = this.#waiting.findIndex((item) => item.delivery === delivery);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    this.#background(delivery.sendAgain());
  }

  #fillSlots(): void {
    const { concurrency } = this.#settings;
    while (this.#closing === null && this.#occupying.size < concurrency && this.#storing.size < concurrency) {
      const item = this.#waiting.shift();
      if (item === undefined) return;
      // If its connection was lost, the message is delivered again. A lost job is looked at all the same.
      if (item.delivery.live || item.origin !== item.delivery.envelope.origin) this.#startTask(item);
    }
  }

  #startTask(item: WorkItem): void {
    const task = new JobTask(item, this.#around, this.#hooks);
    this.#tasks.add(task);
    this.#occupying.add(task);
    void task.work();
  }

  /**
   * Lets a task run when the number of active runs and of outcomes that are not stored allows it. So the next job is claimed together
   * with the outcome of the previous one, and an outage leaves at most `concurrency` outcomes.
   */
  #admit(task: JobTask): Promise<void> | null {
    if (this.#admitted.size < this.#settings.concurrency) {
      this.#admitted.add(task);
      return null;
    }
    return new Promise((resolve) => this.#admissions.set(task, resolve));
  }

  #endAdmission(task: JobTask): void {
    if (this.#tasks.has(task) || task.running || !this.#admitted.delete(task)) return;
    for (const [next, run] of this.#admissions) {
      this.#admissions.delete(next);
      this.#admitted.add(next);
      run();
      return;
    }
  }

  #lookAgain(item: WorkItem): void {
    this.#waiting.push(item);
    if (this.#returnsMessages) void this.#returnWaiting();
  }

  #onStoreEvent(type: string): void {
    if (type === "disconnected") this.#calls.noteOutage();
    if (type !== "restarted") return;
    const messages = this.#recent.take();
    for (const { envelope, origin } of messages) {
      const delivery = new SourceDelivery(this.#acknowledgedDelivery(envelope), this.#sourceOptions, () => {});
      this.#lookAgain({ delivery, origin });
    }
    this.#fillSlots();
  }

  /** Returns a delivery of a message that was acknowledged. To make it available again means to publish it again. */
  #acknowledgedDelivery(envelope: Envelope): Delivery {
    let live = true;
    return {
      envelope,
      redelivered: true,
      get live() {
        return live;
      },
      settle: (how) => {
        live = false;
        if (how !== "ack") this.#background(this.#publishAgain(envelope));
      },
    };
  }

  async #publishAgain(envelope: Envelope): Promise<void> {
    const { access, queue, emit } = this.#settings;
    const result = await access.session.publish(queue, envelope, "ready");
    if (result.ok) return;
    const error = toError(result, { queue: queue.name, messageId: envelope.id });
    emit({ type: "error", message: error.message, messageId: envelope.id, error });
  }

  /** Returns the messages that no task works on. */
  async #returnWaiting(): Promise<void> {
    await Promise.all(this.#waiting.splice(0).map(returnItem)).catch((error: unknown) => this.#reportUnexpected(error));
  }

  get #isBusy(): boolean {
    return this.#occupying.size > 0 || this.#storing.size > 0 || this.#waiting.length > 0;
  }

  /** Resolves to true when all messages are settled, to false after `limitMs`. */
  async #tasksEnded(limitMs: number): Promise<boolean> {
    if (this.#tasks.size === 0) return true;
    const ended = new Promise<void>((resolve) => {
      this.#onTasksEnded = resolve;
    });
    await withinTime(ended, limitMs);
    return this.#tasks.size === 0;
  }

  #createSurroundings(): TaskSurroundings {
    const { access, queue } = this.#settings;
    const keyPrefix = crypto.randomUUID().slice(0, 18);
    let keys = 0;
    const worker = this;
    return {
      settings: this.#settings,
      calls: this.#calls,
      outages: this.#outages,
      timeLimits: new TimeLimits(),
      tracedRun: access.traced(queue, callRun),
      recent: this.#recent,
      createKey: () => `${keyPrefix}.${(keys++).toString(36)}`,
      closing: this.#closingSignal.signal,
      get isClosing() {
        return worker.#closing !== null;
      },
      get blockedMs() {
        return worker.#heartbeat.blockedMs;
      },
    };
  }

  /** Returns the worker as `JobStore.workers` shows it. One that closes takes no job, as a paused one. Ignores outages of the store, because only an available store receives it. */
  #announcement(): Announcement {
    const { queue, by, version, from, working, concurrency, limit } = this.#settings;
    const state = this.#source.consuming ? "running" : "waiting";
    return {
      ...this.#identity,
      ...{ by, queue: queue.name, from, working, concurrency, limit, version },
      state: this.#returnsMessages ? "paused" : state,
    };
  }

  #closedError(message: string): QueueError {
    return new QueueError("CLOSED", message, { queue: this.#settings.queue.name });
  }

  #background(promise: Promise<unknown>): void {
    promise.catch((error: unknown) => this.#reportUnexpected(error));
  }

  #reportUnexpected(error: unknown): void {
    this.#settings.emit({ type: "error", message: "The worker failed unexpectedly.", error });
  }
}

function describe(error: unknown): string {
  return QueueError.is(error) ? error.message : "The queue cannot be consumed.";
}
