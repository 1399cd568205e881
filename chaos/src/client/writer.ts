import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "@subtitles/queue";
import { publishesAfterwards } from "../mutants.js";
import { Random } from "../random.js";
import { isFinal, kinds, notices, STATUSES, type Status, work } from "../subject.js";
import type { Calls, Result } from "./calls.js";
import type { Settings } from "./settings.js";

const LOOPS = 16;
/** Between two turns of one loop, at most. */
const THINK_MS = 24;
/** How often a turn does several things, and how many at most: calls of one turn travel together. */
const TOGETHER = 0.5;
const MOST_TOGETHER = 24;
/** Writers fight over so many jobs at a time, and go on to others after a while: histories stay short. */
const HOT_JOBS = 48;
const HOT_FOR_MS = 2_000;
const FADING_JOBS = 6;
const BRIEF_PATIENCE = 20;
const LASTING = STATUSES.filter((status) => status !== "fading");

interface Writing {
  readonly settings: Settings;
  readonly calls: Calls;
  readonly broker: Broker;
  readonly stop: AbortSignal;
}

/** Makes load until it is stopped, and resolves once the last call has settled. */
export async function write(writing: Writing): Promise<void> {
  await Promise.all(
    Array.from({ length: LOOPS }, async (_, loop) => {
      const writer = new Writer(writing, `${writing.settings.name}-${loop}`);
      while (!writing.stop.aborted) await writer.act();
    }),
  );
}

/** One loop: whatever the dice say, turn by turn. */
class Writer {
  readonly #writing: Writing;
  readonly #random: Random;
  readonly #name: string;
  #count = 0;

  constructor(writing: Writing, name: string) {
    this.#writing = writing;
    this.#random = new Random(writing.settings.seed, name);
    this.#name = name;
  }

  async act(): Promise<void> {
    const together = this.#random.chance(TOGETHER) ? this.#random.whole(2, MOST_TOGETHER) : 1;
    await Promise.all(
      Array.from({ length: together }, () => new Action(this.#writing, `${this.#name}-${this.#count++}`).perform()),
    );
    await pause(this.#random.fraction() * THINK_MS);
  }
}

/** One thing that a writer does, with dice of its own: others run beside it. */
class Action {
  readonly #calls: Calls;
  readonly #writing: Writing;
  readonly #random: Random;
  readonly #name: string;

  readonly #choices = [
    { weight: 3, act: () => this.#order() },
    { weight: 24, act: () => this.#calls.move(this.#hot(), this.#status(), this.#someQueue()) },
    { weight: 14, act: () => this.#moveAsSeen() },
    { weight: 4, act: () => this.#saveAsSeen() },
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

  constructor(writing: Writing, name: string) {
    this.#calls = writing.calls;
    this.#writing = writing;
    this.#random = new Random(writing.settings.seed, name);
    this.#name = name;
  }

  async perform(): Promise<void> {
    await this.#random.weighted(this.#choices).act();
  }

  #hot(): string {
    const epoch = Math.floor((Date.now() - this.#writing.settings.startedAt) / HOT_FOR_MS);
    return `${kinds.hot}${epoch}-${this.#random.whole(1, HOT_JOBS)}`;
  }

  #fading(): string {
    return `${kinds.fading}${this.#random.whole(1, FADING_JOBS)}`;
  }

  /** Of a job that is to stay. */
  #status(): Status {
    return this.#random.pick(LASTING);
  }

  #someQueue(): string | undefined {
    return this.#random.chance(0.05) ? notices.name : undefined;
  }

  async #moveAsSeen(): Promise<void> {
    const job = await this.#seen();
    if (job !== null) await this.#calls.move(job, this.#status(), this.#someQueue());
  }

  async #saveAsSeen(): Promise<void> {
    const job = await this.#seen();
    if (job !== null) await this.#calls.save(job);
  }

  /** A job as it was a moment ago. */
  async #seen(): Promise<Result["job"]> {
    const { job } = await this.#calls.get(this.#hot());
    await pause(this.#random.whole(0, 5));
    return job;
  }

  /** Makes a job again that may have expired, or moves it, so that it may. */
  async #fade(): Promise<void> {
    if (this.#random.chance(0.3)) await this.#calls.create(this.#fading());
    else await this.#calls.move(this.#fading(), this.#random.pick(STATUSES));
  }

  /** Orders work: the job and the message that asks for it. Tried again, under the same id, where the store was away. */
  async #order(): Promise<void> {
    const id = `${kinds.work}${this.#name}`;
    const create = publishesAfterwards(this.#writing.settings.mutant)
      ? () => this.#createThenPublish(id)
      : () => this.#calls.create(id, work.name);
    for (let tries = 0; tries < 3 && (await create()).outcome.is === "unavailable"; tries++) await pause(50);
    if (this.#random.chance(0.1)) await this.#calls.waitFor(id, STATUSES.filter(isFinal));
  }

  /** As it is often written: whatever happens between the two leaves a job that no worker hears of. */
  async #createThenPublish(id: string): Promise<Result> {
    const { calls, broker } = this.#writing;
    const result = await calls.create(id, work.name, { stored: false });
    if (result.outcome.is === "applied") {
      await broker.publish(work, { job: id, op: result.op }, { id: `${id}.1.0` }).catch(() => undefined);
    }
    return result;
  }

  async #brief(): Promise<void> {
    const id = `${kinds.brief}${this.#name}`;
    if ((await this.#calls.create(id)).outcome.is !== "applied") return;
    if (this.#random.chance(0.5)) await this.#calls.move(id, "doing");
    for (let tries = 0; tries < BRIEF_PATIENCE; tries++) {
      if ((await this.#calls.delete(id)).outcome.is !== "unavailable") return;
    }
  }
}
