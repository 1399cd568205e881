import { type BrokerEvent, connected } from "../broker-event.js";
import type { Answer, Driver, DriverHealth, Failure, QueueDriver, Session, Subscription } from "../driver.js";
import { within } from "../within.js";
import { Connection } from "./connection.js";
import { Inspection } from "./inspection.js";
import { type CheckedOptions, checkOptions, type RabbitmqDriverOptions } from "./options.js";
import { Publisher } from "./publisher.js";
import { toFailure } from "./refusals.js";
import { RabbitmqSubscription } from "./subscription.js";
import { connectLimitMs } from "./time.js";
import { Topology } from "./topology.js";

const CLOSED: Failure = { ok: false, failure: "closed", indeterminate: false };
/** Confirms that are only just under way get this long even where no grace is left. */
const SHORTEST_FLUSH_MS = 500;

/**
 * Queues of a RabbitMQ broker, 3.10 or later, without plugins. Connects when first used: one connection publishes, another
 * consumes and asks, so that an alarm that stops publishers does not stop acknowledgements.
 *
 * @throws QueueError INVALID_ARGUMENT
 */
export function rabbitmqDriver(options: RabbitmqDriverOptions): QueueDriver {
  const checked = checkOptions(options);
  const driver: Driver = {
    name: "rabbitmq",
    open: (report, tell) => new RabbitmqSession(checked, report, tell),
  };
  return driver;
}

class RabbitmqSession implements Session {
  readonly ackTimeoutMs: number;
  readonly #options: CheckedOptions;
  readonly #report: (failure: Failure, queue?: string) => void;
  readonly #tell: (event: BrokerEvent) => void;
  readonly #publishing: Connection;
  readonly #consuming: Connection;
  readonly #topology: Topology;
  readonly #publisher: Publisher;
  readonly #inspection: Inspection;
  #stale = 0;
  #closed = false;

  constructor(
    options: CheckedOptions,
    report: (failure: Failure, queue?: string) => void,
    tell: (event: BrokerEvent) => void,
  ) {
    this.ackTimeoutMs = options.ackTimeoutMs;
    this.#options = options;
    this.#report = report;
    this.#tell = tell;
    this.#publishing = this.#connection("publishing");
    this.#consuming = this.#connection("consuming");
    this.#topology = new Topology(options.prefix, options.timeoutMs);
    this.#publisher = new Publisher(this.#publishing, this.#topology, options);
    this.#inspection = new Inspection(this.#consuming, this.#topology, options.timeoutMs);
  }

  #connection(purpose: string): Connection {
    const report = (reason: string) =>
      this.#report({ ok: false, failure: "unavailable", reason: `${reason} (${purpose})`, indeterminate: false });
    const { addresses, tls, timeoutMs, connectionName } = this.#options;
    return new Connection({
      addresses,
      tls,
      limitMs: connectLimitMs(addresses.length, timeoutMs),
      name: `${connectionName} ${purpose}`,
      report,
      onConnected: (how) => this.#tell(connected(purpose, how)),
    });
  }

  publish: Session["publish"] = async (queue, envelope, place) =>
    this.#closed ? CLOSED : this.#publisher.publish(queue, envelope, place);

  stats: Session["stats"] = async (queue) => this.#unlessClosed(() => this.#inTime(this.#inspection.stats(queue)));

  purge: Session["purge"] = async (queue) => this.#unlessClosed(() => this.#inTime(this.#inspection.purge(queue)));

  listDead: Session["listDead"] = async (queue, limit) =>
    this.#unlessClosed(() => this.#inTime(this.#inspection.listDead(queue, limit)));

  visitDead: Session["visitDead"] = async (queue, visit, { atOnce }) =>
    this.#unlessClosed(() => this.#inspection.visitDead(queue, visit, atOnce));

  consume: Session["consume"] = async (queue, subscriber, { prefetch }) =>
    this.#unlessClosed<Subscription>(() =>
      RabbitmqSubscription.open({
        connection: this.#consuming,
        topology: this.#topology,
        queue,
        subscriber,
        prefetch,
        limitMs: this.#options.timeoutMs,
        report: this.#report,
        publish: (...args) => this.#publisher.publish(...args),
        onStale: () => {
          this.#stale++;
        },
      }),
    );

  /** Connecting, declaring and asking are bounded each by itself; this bounds them together. */
  async #inTime<T>(answering: Promise<Answer<T>>): Promise<Answer<T>> {
    try {
      return await within(answering, this.#options.timeoutMs);
    } catch (error) {
      if (this.#consuming.link !== null) return toFailure(error);
      return { ok: false, failure: "unavailable", reason: this.#consuming.fault, indeterminate: false };
    }
  }

  /** A call that was under way when the session closed failed because of that. */
  async #unlessClosed<T>(ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
    if (this.#closed) return CLOSED;
    const answer = await ask();
    return !answer.ok && this.#closed ? CLOSED : answer;
  }

  async health(timeoutMs: number): Promise<DriverHealth> {
    const used = [this.#publishing, ...(this.#consuming.wanted ? [this.#consuming] : [])];
    const answers = this.#closed ? [] : await Promise.all(used.map((connection) => roundTrip(connection, timeoutMs)));
    const times = answers.filter((answer) => typeof answer === "number");
    const fault = answers.find((answer) => typeof answer === "string") ?? null;
    const warnings =
      this.#stale === 0
        ? []
        : [`${this.#stale} messages were settled after their connection was lost, and were delivered again`];
    return {
      latencyMs: times.length > 0 ? Math.round(Math.max(...times) * 100) / 100 : null,
      blocked: this.#publishing.link?.blocked ?? false,
      pendingConfirms: this.#publisher.unconfirmed,
      reconnects: this.#publishing.reconnects + this.#consuming.reconnects,
      warnings,
      fault: this.#closed ? "the broker object is closed" : fault,
    };
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.#publisher.flush(Math.max(graceMs, SHORTEST_FLUSH_MS));
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }
}

/** Milliseconds for a question and its answer, or why there was none. null: a blocked connection is not even read. */
async function roundTrip(connection: Connection, timeoutMs: number): Promise<number | string | null> {
  const startedAt = performance.now();
  const link = await connection.linked(timeoutMs);
  if (link === null) return connection.fault;
  if (link.blocked) return null;
  const askedAt = performance.now();
  const answer = await link.ask((channel) => channel.prefetch(1), timeoutMs - (askedAt - startedAt));
  if (answer.ok) return performance.now() - askedAt;
  return "reason" in answer ? answer.reason : answer.failure;
}
