import {
  type BrokerEvent,
  connectedEvent,
  type Driver,
  type DriverHealth,
  type Failure,
  lateSettlementWarnings,
  type QueueDriver,
  type Result,
  type Session,
  type Subscription,
} from "../driver.js";
import { withTimeout } from "../timers.js";
import { toFailure } from "./amqp-errors.js";
import { ConnectionManager } from "./connection-manager.js";
import { type CheckedOptions, checkOptions, connectLimitMs, type RabbitmqDriverOptions } from "./options.js";
import { Publisher } from "./publisher.js";
import { QueueAdmin } from "./queue-admin.js";
import { RabbitmqSubscription } from "./subscription.js";
import { Topology } from "./topology.js";

const CLOSED: Failure = { ok: false, failure: "closed", indeterminate: false };
/** Minimum time for pending confirms when a session closes. It applies even if `graceMs` is shorter. */
const MIN_FLUSH_MS = 500;

/**
 * Creates a driver for RabbitMQ 3.10 or later, without plugins. It connects at the first call. One connection publishes, and
 * another one consumes and administers queues, so an alarm that blocks publishers does not block acknowledgements.
 *
 * @throws QueueError INVALID_ARGUMENT
 */
export function rabbitmqDriver(options: RabbitmqDriverOptions): QueueDriver {
  const checked = checkOptions(options);
  const driver: Driver = {
    name: "rabbitmq",
    open: (...listeners) => new RabbitmqSession(checked, ...listeners),
  };
  return driver;
}

class RabbitmqSession implements Session {
  readonly ackTimeoutMs: number;
  readonly #options: CheckedOptions;
  readonly #onFailure: (failure: Failure, queue?: string) => void;
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #onAvailable: (available: boolean) => void;
  readonly #publishing: ConnectionManager;
  readonly #consuming: ConnectionManager;
  readonly #topology: Topology;
  readonly #publisher: Publisher;
  readonly #admin: QueueAdmin;
  /** Reasons why the session is unavailable: the purposes of lost connections, and "blocked". */
  readonly #outages = new Set<string>();
  #lateSettlements = 0;
  #closed = false;

  constructor(
    options: CheckedOptions,
    onFailure: (failure: Failure, queue?: string) => void,
    onEvent: (event: BrokerEvent) => void,
    onAvailable: (available: boolean) => void,
  ) {
    this.ackTimeoutMs = options.ackTimeoutMs;
    this.#options = options;
    this.#onFailure = onFailure;
    this.#onEvent = onEvent;
    this.#onAvailable = onAvailable;
    this.#publishing = this.#createConnection("publishing");
    this.#consuming = this.#createConnection("consuming");
    this.#publishing.onConnection((connection) => {
      const update = () => this.#setOutage("blocked", connection.blocked);
      connection.onBlockedChange(update);
      update();
    });
    this.#topology = new Topology(options.prefix, options.timeoutMs);
    this.#publisher = new Publisher(this.#publishing, this.#topology, options);
    this.#admin = new QueueAdmin(this.#consuming, this.#topology, options.timeoutMs);
  }

  #createConnection(purpose: string): ConnectionManager {
    const report = (reason: string) => {
      this.#setOutage(purpose, true);
      this.#onFailure({ ok: false, failure: "unavailable", reason: `${reason} (${purpose})`, indeterminate: false });
    };
    const { addresses, tls, timeoutMs, connectionName } = this.#options;
    return new ConnectionManager({
      addresses,
      tls,
      limitMs: connectLimitMs(addresses.length, timeoutMs),
      name: `${connectionName} ${purpose}`,
      report,
      onConnected: (details) => {
        this.#setOutage(purpose, false);
        this.#onEvent(connectedEvent(purpose, details));
      },
    });
  }

  #setOutage(reason: string, present: boolean): void {
    if (present) this.#outages.add(reason);
    else this.#outages.delete(reason);
    this.#onAvailable(this.#outages.size === 0);
  }

  publish: Session["publish"] = async (queue, envelope, destination) =>
    this.#closed ? CLOSED : this.#publisher.publish(queue, envelope, destination);

  stats: Session["stats"] = async (queue) => this.#unlessClosed(() => this.#limited(this.#admin.stats(queue)));

  purge: Session["purge"] = async (queue) => this.#unlessClosed(() => this.#limited(this.#admin.purge(queue)));

  listDead: Session["listDead"] = async (queue, limit) =>
    this.#unlessClosed(() => this.#limited(this.#admin.listDead(queue, limit)));

  visitDead: Session["visitDead"] = async (queue, visit, { concurrency }) =>
    this.#unlessClosed(() => this.#admin.visitDead(queue, visit, concurrency));

  consume: Session["consume"] = async (queue, subscriber, { prefetch }) =>
    this.#unlessClosed<Subscription>(() =>
      RabbitmqSubscription.open({
        connections: this.#consuming,
        topology: this.#topology,
        queue,
        subscriber,
        prefetch,
        limitMs: this.#options.timeoutMs,
        report: this.#onFailure,
        publish: (...args) => this.#publisher.publish(...args),
        onLateSettlement: () => {
          this.#lateSettlements++;
        },
      }),
    );

  /** Applies `timeoutMs` to a call as a whole. Its steps (connect, declare, request) have limits of their own. */
  async #limited<T>(call: Promise<Result<T>>): Promise<Result<T>> {
    try {
      return await withTimeout(call, this.#options.timeoutMs);
    } catch (error) {
      if (this.#consuming.connection !== null) return toFailure(error);
      return { ok: false, failure: "unavailable", reason: this.#consuming.error, indeterminate: false };
    }
  }

  /** Returns "closed" if the session is closed, or if it was closed during the call and the call failed. */
  async #unlessClosed<T>(call: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.#closed) return CLOSED;
    const result = await call();
    return !result.ok && this.#closed ? CLOSED : result;
  }

  async health(timeoutMs: number): Promise<DriverHealth> {
    const used = [this.#publishing, ...(this.#consuming.started ? [this.#consuming] : [])];
    const results = this.#closed ? [] : await Promise.all(used.map((each) => measureLatency(each, timeoutMs)));
    const latencies = results.filter((result) => typeof result === "number");
    const error = results.find((result) => typeof result === "string") ?? null;
    return {
      latencyMs: latencies.length > 0 ? Math.round(Math.max(...latencies) * 100) / 100 : null,
      blocked: this.#publishing.connection?.blocked ?? false,
      pendingConfirms: this.#publisher.unconfirmed,
      reconnects: this.#publishing.reconnects + this.#consuming.reconnects,
      warnings: lateSettlementWarnings(this.#lateSettlements),
      error: this.#closed ? "this broker object was closed with close()" : error,
    };
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.#publisher.flush(Math.max(graceMs, MIN_FLUSH_MS));
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }
}

/**
 * Measures the duration of a request in milliseconds. Returns the reason if it fails, and null if the connection is blocked: the
 * broker does not read from such a connection.
 */
async function measureLatency(connections: ConnectionManager, timeoutMs: number): Promise<number | string | null> {
  const startedAt = performance.now();
  const connection = await connections.connected(timeoutMs);
  if (connection === null) return connections.error;
  if (connection.blocked) return null;
  const sentAt = performance.now();
  const result = await connection.request((channel) => channel.prefetch(1), timeoutMs - (sentAt - startedAt));
  if (result.ok) return performance.now() - sentAt;
  return "reason" in result ? result.reason : result.failure;
}
