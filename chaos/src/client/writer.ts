import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "@subtitles/queue";
import { Random } from "../random.js";
import { kinds, notices, STATUSES, type Status } from "../workload.js";
import type { Calls, Result } from "./calls.js";
import { Orders } from "./orders.js";
import type { Settings } from "./settings.js";

const LOOPS = 16;
/** Maximum pause between two iterations of a loop. */
const MAX_PAUSE_MS = 24;
/** Probability that a loop performs several actions concurrently, and their maximum number. The store sends such calls in one batch. */
const BATCH_PROBABILITY = 0.5;
const MAX_BATCH = 24;
/** Number of jobs that all writers change concurrently. Other jobs replace them after `HOT_FOR_MS`, so that histories stay short. */
const HOT_JOBS = 48;
const HOT_FOR_MS = 2_000;
const FADING_JOBS = 6;
const MAX_DELETE_ATTEMPTS = 20;
const STATUSES_WITHOUT_TTL = STATUSES.filter((status) => status !== "fading");

interface WriterOptions {
  readonly settings: Settings;
  readonly calls: Calls;
  readonly orders: Orders;
  readonly stop: AbortSignal;
}

/** Makes orders and performs random actions until `stop` aborts. Resolves after the last call has ended. */
export async function write(options: Omit<WriterOptions, "orders"> & { readonly broker: Broker }): Promise<void> {
  const orders = new Orders(options);
  await Promise.all([
    orders.make(options.stop),
    ...Array.from({ length: LOOPS }, async (_, loop) => {
      const writer = new Writer({ ...options, orders }, `${options.settings.name}-${loop}`);
      while (!options.stop.aborted) await writer.act();
    }),
  ]);
}

/** Loop of random actions. */
class Writer {
  readonly #options: WriterOptions;
  readonly #random: Random;
  readonly #name: string;
  #count = 0;

  constructor(options: WriterOptions, name: string) {
    this.#options = options;
    this.#random = new Random(options.settings.seed, name);
    this.#name = name;
  }

  async act(): Promise<void> {
    const actions = this.#random.chance(BATCH_PROBABILITY) ? this.#random.integer(2, MAX_BATCH) : 1;
    await Promise.all(
      Array.from({ length: actions }, () => new Action(this.#options, `${this.#name}-${this.#count++}`).perform()),
    );
    await pause(this.#random.fraction() * MAX_PAUSE_MS);
  }
}

/** Random action of a writer. Actions run concurrently, so each has its own random generator. */
class Action {
  readonly #calls: Calls;
  readonly #options: WriterOptions;
  readonly #random: Random;
  readonly #name: string;

  readonly #choices = [
    { weight: 4, act: () => this.#options.orders.interfere(this.#random) },
    { weight: 24, act: () => this.#calls.move(this.#hot(), this.#status(), this.#someQueue()) },
    { weight: 14, act: () => this.#moveBySnapshot() },
    { weight: 4, act: () => this.#saveSnapshot() },
    { weight: 8, act: () => this.#calls.create(this.#hot(), notices.name) },
    { weight: 8, act: () => this.#calls.progress(this.#hot()) },
    { weight: 6, act: () => this.#fade() },
    { weight: 4, act: () => this.#brief() },
    { weight: 10, act: () => this.#calls.get(this.#hot()) },
    { weight: 3, act: () => this.#calls.get(this.#fading()) },
    { weight: 2, act: () => this.#calls.list(this.#random.pick(STATUSES)) },
    { weight: 1, act: () => this.#calls.counts() },
    { weight: 1, act: () => this.#calls.waitFor(this.#hot(), [this.#status()]) },
  ] as const;

  constructor(options: WriterOptions, name: string) {
    this.#calls = options.calls;
    this.#options = options;
    this.#random = new Random(options.settings.seed, name);
    this.#name = name;
  }

  async perform(): Promise<void> {
    await this.#random.weighted(this.#choices).act();
  }

  #hot(): string {
    const epoch = Math.floor((Date.now() - this.#options.settings.startedAt) / HOT_FOR_MS);
    return `${kinds.hot}${epoch}-${this.#random.integer(1, HOT_JOBS)}`;
  }

  #fading(): string {
    return `${kinds.fading}${this.#random.integer(1, FADING_JOBS)}`;
  }

  #status(): Status {
    return this.#random.pick(STATUSES_WITHOUT_TTL);
  }

  #someQueue(): string | undefined {
    return this.#random.chance(0.05) ? notices.name : undefined;
  }

  async #moveBySnapshot(): Promise<void> {
    const job = await this.#snapshot();
    if (job !== null) await this.#calls.move(job, this.#status(), this.#someQueue());
  }

  async #saveSnapshot(): Promise<void> {
    const job = await this.#snapshot();
    if (job !== null) await this.#calls.save(job);
  }

  /** Returns a snapshot that can be a few ms old. */
  async #snapshot(): Promise<Result["job"]> {
    const { job } = await this.#calls.get(this.#hot());
    await pause(this.#random.integer(0, 5));
    return job;
  }

  /** Creates a job that may have expired, or moves it to a status that may have a TTL. */
  async #fade(): Promise<void> {
    if (this.#random.chance(0.3)) await this.#calls.create(this.#fading());
    else await this.#calls.move(this.#fading(), this.#random.pick(STATUSES));
  }

  async #brief(): Promise<void> {
    const id = `${kinds.brief}${this.#name}`;
    if ((await this.#calls.create(id)).outcome.is !== "applied") return;
    if (this.#random.chance(0.5)) await this.#calls.move(id, "doing");
    for (let tries = 0; tries < MAX_DELETE_ATTEMPTS; tries++) {
      if ((await this.#calls.delete(id)).outcome.is !== "unavailable") return;
    }
  }
}
