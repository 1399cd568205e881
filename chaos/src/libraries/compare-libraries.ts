import { Redis } from "ioredis";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { type FaultOf, faults } from "./faults.js";
import { type LibraryResult, measureLibrary, type Observer } from "./measure-library.js";
import { Consumer, connectionManager, ownQueue } from "./messages.js";
import { bullMq, getModifySet, jobStore } from "./statuses.js";

const statusLibraries = [getModifySet, bullMq, jobStore];
const messageLibraries = [connectionManager, ownQueue];

/** Measures all libraries with the same work and the same faults, each with its own server. */
export async function* compareLibraries(): AsyncGenerator<LibraryResult> {
  for (const fault of faults) for (const open of statusLibraries) yield await withRedis(open, fault);
  for (const fault of faults) for (const open of messageLibraries) yield await withRabbitmq(open, fault);
}

async function withRedis(open: (typeof statusLibraries)[number], faultOf: FaultOf): Promise<LibraryResult> {
  await using server = await startRedis({ args: PERSISTENT });
  await using proxy = await startTcpProxy(server);
  using observer = new CommandObserver(server.url);
  await observer.open();
  await using library = await open({ url: proxy.url, directUrl: server.url });
  return await measureLibrary(library, faultOf(server, proxy), observer);
}

async function withRabbitmq(open: (typeof messageLibraries)[number], faultOf: FaultOf): Promise<LibraryResult> {
  await using server = await startRabbitmq();
  await using proxy = await startTcpProxy(server);
  await using consumer = new Consumer(server.url);
  await using library = await open({ url: proxy.url }, consumer);
  return await measureLibrary(library, faultOf(server, proxy), consumer);
}

/** Observes with MONITOR the commands that Redis executes, with the times of the server. */
class CommandObserver implements Observer, Disposable {
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
