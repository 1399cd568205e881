import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "@subtitles/queue";
import { publishesWithoutOutbox } from "../mutants.js";
import { Random } from "../random.js";
import { isFinal, kinds, type Plan, STATUSES, work } from "../workload.js";
import type { Calls, Result } from "./calls.js";
import { ORDER_LOOPS, type Settings } from "./settings.js";

/** Share of the round in which the orders are made. */
const ORDER_TIME = 0.9;
/** Number of orders that users can cancel, retry or delete: the newest ones. */
const RECENT = 100;
const MAX_DELAY_MS = 1_000;
const MAX_DELETE_ATTEMPTS = 20;

const PLAN_WEIGHTS: Readonly<Record<Plan, number>> = { done: 8, throws: 2, fails: 1, later: 2, asks: 3 };
const plans = Object.entries(PLAN_WEIGHTS).map(([plan, weight]) => ({ plan: plan as Plan, weight }));

interface OrderOptions {
  readonly settings: Settings;
  readonly calls: Calls;
  readonly broker: Broker;
}

/** Orders of a writer, and what users do with them. */
export class Orders {
  readonly #options: OrderOptions;
  readonly #recent: string[] = [];
  #next: number;

  constructor(options: OrderOptions) {
    this.#options = options;
    this.#next = options.settings.firstOrder;
  }

  /** Makes the orders of this writer, evenly over the time of the round, until `stop` aborts. */
  async make(stop: AbortSignal): Promise<void> {
    const { startedAt, forMs, orders } = this.#options.settings;
    const loop = async () => {
      while (this.#next < orders && !stop.aborted) {
        const order = this.#next++;
        const dueAt = startedAt + (order / orders) * forMs * ORDER_TIME;
        await pause(Math.max(0, dueAt - Date.now()), undefined, { signal: stop }).catch(() => undefined);
        if (!stop.aborted) await this.#order(order);
      }
    };
    await Promise.all(Array.from({ length: ORDER_LOOPS }, loop));
  }

  /** Cancels, retries or deletes one of the newest orders. */
  async interfere(random: Random): Promise<void> {
    if (this.#recent.length === 0) return;
    const id = random.pick(this.#recent);
    await random
      .weighted([
        { weight: 6, act: () => this.#options.calls.move(id, "cancelled") },
        {
          weight: 8,
          act: () => this.#options.calls.move(id, "todo", id.startsWith(kinds.work) ? work.name : undefined),
        },
        { weight: 1, act: () => this.#delete(id) },
        { weight: 2, act: () => this.#options.calls.get(id) },
      ])
      .act();
  }

  /** Creates a job for the workers, with its message. Repeats the call with the same id if the store is unavailable. */
  async #order(order: number): Promise<void> {
    const { settings, calls } = this.#options;
    const random = new Random(settings.seed, settings.client, order);
    const { plan } = random.weighted(plans);
    const isSent = random.chance(0.3) && !publishesWithoutOutbox(settings.mutant);
    const delayMs = random.chance(0.1) ? random.integer(1, MAX_DELAY_MS) : undefined;
    const id = `${isSent ? kinds.sent : kinds.work}${settings.client}-${order}`;
    const create = () => {
      if (isSent) return calls.create(id, undefined, { plan, isSent });
      if (publishesWithoutOutbox(settings.mutant)) return this.#createThenPublish(id, plan);
      return calls.create(id, work.name, { plan, delayMs });
    };
    for (let tries = 0; tries < 3 && (await create()).outcome.is === "unavailable"; tries++) await pause(50);
    // From now on, no call creates the job again, so it can be deleted.
    this.#recent.push(id);
    if (this.#recent.length > RECENT) this.#recent.shift();
    if (random.chance(0.1)) await calls.waitFor(id, STATUSES.filter(isFinal));
  }

  async #delete(id: string): Promise<void> {
    for (let tries = 0; tries < MAX_DELETE_ATTEMPTS; tries++) {
      if ((await this.#options.calls.delete(id)).outcome.is !== "unavailable") return;
    }
  }

  /** Behavior of a mutant: a fault between the two calls leaves a job without a message. */
  async #createThenPublish(id: string, plan: Plan): Promise<Result> {
    const { calls, broker } = this.#options;
    const result = await calls.create(id, work.name, { stored: false, plan });
    if (result.outcome.is === "applied") {
      await broker.publish(work, { jobId: id, op: result.op }, { id: `${id}.1.0` }).catch(() => undefined);
    }
    return result;
  }
}
