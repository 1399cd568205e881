import { Redis } from "ioredis";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { startRedis } from "../../../test/servers/redis.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { compete, type Score, type Witness } from "./contest.js";
import { Consumer, connectionManager, ownQueue } from "./messages.js";
import { bullMq, getModifySet, jobStore } from "./statuses.js";
import { troubles } from "./troubles.js";

const statuses = [getModifySet, bullMq, jobStore];
const messages = [connectionManager, ownQueue];
/** Of each list of troubles. */
const TROUBLES = [0, 1, 2];

/** Has everybody do the same work under the same faults, each on a server of its own. */
export async function* contests(): AsyncGenerator<Score> {
  for (const n of TROUBLES) for (const open of statuses) yield await withRedis(open, n);
  for (const n of TROUBLES) for (const open of messages) yield await withRabbitmq(open, n);
}

async function withRedis(open: (typeof statuses)[number], n: number): Promise<Score> {
  await using server = await startRedis({ args: ["--appendonly", "yes"] });
  await using line = await startTcpProxy(server);
  using witness = new CommandWitness(server.url);
  await witness.open();
  await using contestant = await open({ url: line.url, directUrl: server.url });
  return await compete(contestant, troubleAt(troubles(server, line), n), witness);
}

async function withRabbitmq(open: (typeof messages)[number], n: number): Promise<Score> {
  await using server = await startRabbitmq();
  await using line = await startTcpProxy(server);
  await using consumer = new Consumer(server.url);
  await using contestant = await open({ url: line.url }, consumer);
  return await compete(contestant, troubleAt(troubles(server, line), n), consumer);
}

function troubleAt(all: ReturnType<typeof troubles>, n: number) {
  const trouble = all[n];
  if (trouble === undefined) throw new Error(`there is no trouble ${n}`);
  return trouble;
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
    const monitor = await this.#client.monitor();
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
