import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { onTestFinished, vi } from "vitest";
import { PATIENCE } from "../../../../test/patience.js";
import { startRedis } from "../../../../test/servers/redis.js";
import { startTcpProxy } from "../../../../test/servers/tcp-proxy.js";
import type { Delivery, Driver, Session, Subscriber } from "../../src/lib/driver.js";
import { rabbitmqDriver } from "../../src/rabbitmq.js";
import { deleteQueues, freshPrefix, openChannel, proxyTo } from "../rabbitmq-queues.js";
import { encodings, films, renderings } from "./films.js";
import { createWorld, type World } from "./world.js";

/** Longest time that `pass` waits. Time that a case lets pass to see that nothing happens is real here. */
const MAX_PASS_MS = 300;

/** Creates a world on a Redis of its own and on a RabbitMQ. Proxies cause its outages. It cannot lose single replies. */
export async function serverWorld(rabbitmqUrl: string): Promise<World> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const redisProxy = await startTcpProxy({ url: redis.url });
  onTestFinished(() => redisProxy.close());
  const rabbitmqProxy = await proxyTo(rabbitmqUrl);
  const prefix = freshPrefix();
  onTestFinished(() => deleteQueues(rabbitmqUrl, prefix, [renderings, encodings]));
  // rabbitmqDriver returns the public part of a driver, and `open` belongs to the other part.
  const driver = rabbitmqDriver({ url: rabbitmqProxy.url, prefix, timeoutMs: 30_000 }) as unknown as Driver;
  const counted = countMessages(driver);
  const storeOutage = outageOf(redisProxy);
  const brokerOutage = outageOf(rabbitmqProxy);
  return createWorld({
    openStore: (options = {}) =>
      createJobStore({ job: films, driver: redisDriver({ url: redisProxy.url, timeoutMs: 30_000 }), ...options }),
    brokerDriver: counted.driver,
    storeFaults: {
      ...storeOutage,
      loseReplies: () => {
        throw new Error("A proxy cannot lose single replies.");
      },
    },
    restartStore: () => {
      throw new Error("A restart takes time; see worker-redis-outages.integration.test.ts.");
    },
    brokerFaults: { ...brokerOutage, dropConnections: () => rabbitmqProxy.cut() },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, MAX_PASS_MS))),
    until: async (condition) => void (await vi.waitUntil(condition, PATIENCE)),
    messages: async () => counted.messages,
    deadLetterByBroker: async (broker) => {
      // Declares the queue.
      await broker.stats(renderings);
      const channel = await openChannel(rabbitmqUrl);
      const next = await vi.waitUntil(() => channel.get(`${prefix}${renderings.name}`), PATIENCE);
      // The queue sends a message that is rejected to its dead-letter exchange.
      channel.nack(next, false, false);
      await channel.close();
    },
  });
}

/** Returns functions that begin and end an outage. */
function outageOf(proxy: Awaited<ReturnType<typeof startTcpProxy>>) {
  let change: Promise<void> = Promise.resolve();
  return {
    goAway: () => {
      change = change.then(() => proxy.shut());
    },
    comeBack: () => {
      change = change.then(() => proxy.open());
    },
  };
}

/**
 * Counts the messages of all sessions of a driver: those that were published, without those that were acknowledged or discarded. If a
 * connection is lost, RabbitMQ may have stored a message whose publish failed, and delivers a message again whose acknowledgement is lost.
 */
function countMessages(driver: Driver) {
  /** Number of copies by message id that were published and not received yet. */
  const expected = new Map<string, number>();
  /** Ids of messages whose latest delivery was acknowledged. */
  const acknowledged = new Set<string>();
  const counted = {
    messages: 0,
    driver: {
      name: driver.name,
      open: (...args: Parameters<Driver["open"]>) => {
        const session = driver.open(...args);
        return override<Session>(session, {
          publish: async (queue, envelope, place, ...rest) => {
            const { id } = envelope;
            const isReceivable = place !== "dead";
            counted.messages++;
            if (isReceivable) expected.set(id, (expected.get(id) ?? 0) + 1);
            const result = await session.publish(queue, envelope, place, ...rest);
            if (!result.ok && (!isReceivable || takeExpected(id))) counted.messages--;
            return result;
          },
          visitDead: (queue, visit, options) =>
            session.visitDead(
              queue,
              async (letter) => {
                const decision = await visit(letter);
                if (decision === "remove") counted.messages--;
                return decision;
              },
              options,
            ),
          consume: (queue, subscriber, options) =>
            session.consume(
              queue,
              override<Subscriber>(subscriber, {
                receive: (delivery) => {
                  noteReceived(delivery);
                  subscriber.receive(counting(delivery));
                },
              }),
              options,
            ),
        });
      },
    },
  };
  /** Removes a copy from those that are expected. Returns false if none is. */
  const takeExpected = (id: string): boolean => {
    const copies = expected.get(id) ?? 0;
    if (copies > 0) expected.set(id, copies - 1);
    return copies > 0;
  };
  const noteReceived = ({ envelope: { id }, redelivered }: Delivery) => {
    const wasAcknowledged = acknowledged.delete(id);
    if (redelivered && wasAcknowledged) counted.messages++;
    else if (!takeExpected(id) && !redelivered) counted.messages++;
  };
  const counting = (delivery: Delivery) =>
    override<Delivery>(delivery, {
      settle: (how) => {
        if (how === "ack" && delivery.live) {
          counted.messages--;
          acknowledged.add(delivery.envelope.id);
        }
        delivery.settle(how);
      },
    });
  return counted;
}

/** Returns an object with other functions in the place of some. */
function override<T extends object>(target: T, functions: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const own: unknown = Reflect.get(functions, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
