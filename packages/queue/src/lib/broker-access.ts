import { invalid } from "./arguments.js";
import type { Availability } from "./availability.js";
import type { QueueDefinition } from "./definition.js";
import type { Session } from "./driver.js";
import type { Broker, Message } from "./types.js";

/**
 * Internal parts of a broker that the worker of this package uses. They belong to a broker object as a property whose key is a
 * registered symbol. So they also exist in a copy of the object, and between two copies of this package.
 */
export interface BrokerAccess {
  readonly session: Session;
  /** Adds a consumer, which the broker closes before its session. Returns a function that removes it. */
  addConsumer(consumer: ClosableConsumer): () => void;
  readonly availability: Pick<Availability, "available" | "wasLostSince" | "onChange">;
  /**
   * Returns a function that calls `run` of a worker in the trace of its message. Only an instrumented broker changes the function.
   */
  traced<Q extends QueueDefinition>(queue: Q, run: TracedRun<Q>): TracedRun<Q>;
  /** Counts an event of a worker. Only an instrumented broker does so. */
  count(queue: QueueDefinition, event: string): void;
}

/** Function that runs the work on a message. */
export type TracedRun<Q extends QueueDefinition> = (message: Message<Q>) => Promise<void>;

/** Consumer that a broker closes. */
export interface ClosableConsumer {
  close(graceMs: number): Promise<void>;
}

const ACCESS: unique symbol = Symbol.for("@subtitles/queue/access");

interface AccessibleBroker extends Broker {
  readonly [ACCESS]: BrokerAccess;
}

/** Adds the internal parts to a broker. */
export function withAccess(broker: Broker, access: BrokerAccess): Broker {
  const accessible: AccessibleBroker = { ...broker, [ACCESS]: access };
  return accessible;
}

/**
 * Returns the internal parts of a broker.
 *
 * @param caller name of the function that needs them, for the error
 * @throws QueueError INVALID_ARGUMENT if `createBroker` did not make the broker
 */
export function accessOf(broker: Broker, caller: string): BrokerAccess {
  return findAccess(broker) ?? invalid(`${caller} needs a broker made by createBroker.`);
}

/** Returns the internal parts of a broker; null if another function than `createBroker` made it. */
export function findAccess(broker: Broker): BrokerAccess | null {
  return isAccessible(broker) ? broker[ACCESS] : null;
}

function isAccessible(broker: Broker): broker is AccessibleBroker {
  return typeof broker === "object" && broker !== null && ACCESS in broker;
}
