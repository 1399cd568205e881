import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "@subtitles/queue";
import { publishesAfterwards } from "../mutants.js";
import { Random } from "../random.js";
import { kinds, notices, STATUSES, type Status, work } from "../subject.js";
import type { Calls, Result } from "./calls.js";
import type { Settings } from "./settings.js";

const LOOPS = 8;
/** Between two actions of one loop, at most. */
const THINK_MS = 24;
/** Writers fight over so many jobs at a time, and go on to others after a while: histories stay short. */
const HOT_JOBS = 6;
const HOT_FOR_MS = 3_000;
const BRIEF_PATIENCE = 20;

interface Writing {
  readonly settings: Settings;
  readonly calls: Calls;
  readonly broker: Broker;
  readonly stop: AbortSignal;
}

/** Makes load until it is stopped, and resolves once the last call has settled. */
export async function write(writing: Writing): Promise<void> {
  const { seed, name } = writing.settings;
  await Promise.all(
    Array.from({ length: LOOPS }, async (_, loop) => {
      const writer = new Writer(writing, new Random(seed, name, loop), `${name}-${loop}`);
      while (!writing.stop.aborted) await writer.act();
    }),
  );
}

/** One loop: does one thing after the other, whatever the dice say. */
class Writer {
  readonly #writing: Writing;
  readonly #random: Random;
  readonly #name: string;
  #count = 0;

  readonly #actions = [
    { weight: 5, act: () => this.#order() },
    { weight: 26, act: () => this.#calls.move(this.#hot(), this.#status(), this.#someQueue()) },
    { weight: 14, act: () => this.#moveAsSeen() },
    { weight: 6, act: () => this.#calls.create(this.#hot(), notices.name) },
    { weight: 8, act: () => this.#calls.progress(this.#hot()) },
    { weight: 5, act: () => this.#brief() },
    { weight: 10, act: () => this.#calls.get(this.#hot()) },
    { weight: 3, act: () => this.#calls.list(this.#status()) },
    { weight: 1, act: () => this.#calls.counts() },
  ] as const;

  constructor(writing: Writing, random: Random, name: string) {
    this.#writing = writing;
    this.#random = random;
    this.#name = name;
  }

  async act(): Promise<void> {
    await this.#random.weighted(this.#actions).act();
    await pause(this.#random.fraction() * THINK_MS);
  }

  get #calls(): Calls {
    return this.#writing.calls;
  }

  #hot(): string {
    const epoch = Math.floor((Date.now() - this.#writing.settings.startedAt) / HOT_FOR_MS);
    return `${kinds.hot}${epoch}-${this.#random.whole(1, HOT_JOBS)}`;
  }

  #status(): Status {
    return this.#random.pick(STATUSES);
  }

  #someQueue(): string | undefined {
    return this.#random.chance(0.1) ? notices.name : undefined;
  }

  async #moveAsSeen(): Promise<void> {
    const { job } = await this.#calls.get(this.#hot());
    if (job === null) return;
    await pause(this.#random.whole(0, 5));
    await this.#calls.move(job, this.#status(), this.#someQueue());
  }

  /** Orders work: the job and the message that asks for it. Tried again, under the same id, where the store was away. */
  async #order(): Promise<void> {
    const id = `${kinds.work}${this.#name}-${this.#count++}`;
    const create = publishesAfterwards(this.#writing.settings.mutant)
      ? () => this.#createThenPublish(id)
      : () => this.#calls.create(id, work.name);
    for (let tries = 0; tries < 3 && (await create()).outcome.is === "unavailable"; tries++) await pause(50);
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
    const id = `${kinds.brief}${this.#name}-${this.#count++}`;
    if ((await this.#calls.create(id)).outcome.is !== "applied") return;
    if (this.#random.chance(0.5)) await this.#calls.move(id, "doing");
    for (let tries = 0; tries < BRIEF_PATIENCE; tries++) {
      if ((await this.#calls.delete(id)).outcome.is !== "unavailable") return;
    }
  }
}
