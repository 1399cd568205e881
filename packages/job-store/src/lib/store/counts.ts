import type { Activity } from "../activity.js";
import { checkOptions } from "../arguments.js";
import type { JobDefinition, StatusOf } from "../definition.js";
import type { JobStorage, StoreConfig } from "../driver.js";
import type { CountsQuery } from "../types.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { checkWhere } from "./index-values.js";
import { COUNTS_OPTIONS } from "./option-keys.js";

/** Time in milliseconds after which a timeout that is not enforced is reported. A store that enforces timeouts checks them every 2 seconds. */
const LATE_MS = 10_000;

/** Number of minutes of an activity report. */
const MINUTES = 60;

/** Numbers of jobs for any driver: checks arguments, and converts the replies of the storage. */
export class StoreCounts<D extends JobDefinition> {
  readonly #definition: D;
  readonly #storage: JobStorage;
  readonly #calls: InFlightCalls;
  readonly #config: StoreConfig;

  constructor(definition: D, storage: JobStorage, calls: InFlightCalls, config: StoreConfig) {
    this.#definition = definition;
    this.#storage = storage;
    this.#calls = calls;
    this.#config = config;
  }

  async counts(query: CountsQuery<D>): Promise<Readonly<Record<StatusOf<D>, number>>> {
    const where = checkWhere(this.#definition, checkOptions(query, COUNTS_OPTIONS, "counts").where);
    const counts = await this.#calls.run(() => this.#storage.counts(where));
    return this.#byStatus((status) => counts.get(status) ?? 0);
  }

  async activity(): Promise<Activity<D>> {
    const report = await this.#calls.run(() => this.#storage.activity(LATE_MS));
    const none = new Array<number>(MINUTES).fill(0);
    return {
      now: new Date(report.now),
      from: new Date(report.from),
      created: report.created,
      entered: this.#byStatus((status) => report.entered.get(status) ?? none),
      timeouts: { withinHour: report.dueWithinHour, overdue: report.overdue },
    };
  }

  #byStatus<T>(valueFor: (status: string) => T): Readonly<Record<StatusOf<D>, T>> {
    const { statuses } = this.#config;
    return Object.fromEntries(statuses.map((status) => [status, valueFor(status)])) as Record<StatusOf<D>, T>;
  }
}
