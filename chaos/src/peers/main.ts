import { Redis } from "ioredis";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { compete, type Score, type Witness } from "./contest.js";
import { Consumer, connectionManager, ownQueue } from "./messages.js";
import { bullMq, getModifySet, jobStore } from "./statuses.js";
import { type TroubleFor, troubles } from "./troubles.js";

const statuses = [getModifySet, bullMq, jobStore];
const messages = [connectionManager, ownQueue];

/** Has everybody do the same work under the same faults, each on a server of its own. */
export async function* contests(): AsyncGenerator<Score> {
  for (const trouble of troubles) for (const open of statuses) yield await withRedis(open, trouble);
  for (const trouble of troubles) for (const open of messages) yield await withRabbitmq(open, trouble);
}

async function withRedis(open: (typeof statuses)[number], trouble: TroubleFor): Promise<Score> {
  await using server = await startRedis({ args: PERSISTENT });
  await using line = await startTcpProxy(server);
  using witness = new CommandWitness(server.url);
  await witness.open();
  await using contestant = await open({ url: line.url, directUrl: server.url });
  return await compete(contestant, trouble(server, line), witness);
}

async function withRabbitmq(open: (typeof messages)[number], trouble: TroubleFor): Promise<Score> {
  await using server = await startRabbitmq();
  await using line = await startTcpProxy(server);
  await using consumer = new Consumer(server.url);
  await using contestant = await open({ url: line.url }, consumer);
  return await compete(contestant, trouble(server, line), consumer);
}

/** Reads along what Redis carries out (MONITOR), with the server's times. */
class CommandWitness implements Witness, Disposable {
  readonly #client: Redis;
  readonly #at = new Map<string, number>();
  #monitor: Redis | undefined;

  constructor(url: string) {
    this.#client = new Redis(url, { lazyConnect: true, retryStrategy: () => 20 }).on("error", () => {});
  }

  async open(): Promise<void> {
    await this.#client.connect();
    const monitor = (await this.#client.monitor()).on("error", () => {});
    monitor.on("monitor", (seconds: string, args: readonly string[]) => {
      for (const [op] of args.join(" ").matchAll(/op-\d+-\d+-end/g)) {
        if (!this.#at.has(op)) this.#at.set(op, Number(seconds) * 1_000);
      }
    });
    this.#monitor = monitor;
  }

  seenAt(op: string): number | undefined {
    return this.#at.get(op);
  }

  [Symbol.dispose](): void {
    this.#client.disconnect();
    this.#monitor?.disconnect();
  }
}
