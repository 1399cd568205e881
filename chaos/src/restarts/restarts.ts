import { setTimeout as pause } from "node:timers/promises";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { Random } from "../random.js";
import { retry, waitUntil } from "../retry.js";
import { startServers, withPassword } from "../servers.js";
import { openSystem } from "./system.js";

export interface RestartOptions {
  readonly seed: number;
  /** Number of restarts. */
  readonly count: number;
  /** Idle time in ms before each tenth restart. The others follow after at most two seconds. */
  readonly longIdleMs: number;
}

/** Result of a restart, or of connections that died without a packet. */
export interface Restart {
  readonly fault: string;
  readonly idleMs: number;
  /** Time in ms from the creation of a job after the fault until the worker started it. */
  readonly startedAfterMs: number;
  /** Guarantees that were not kept. */
  readonly problems: readonly string[];
}

/** Longest time in ms from the creation of a job after a fault until its start. */
const START_LIMIT_MS = 10_000;
/** Longest time in ms until a worker reports that a server does not run. */
const NOTICE_LIMIT_MS = 10_000;
/** Time in ms for which the start of a job is awaited. A later start is a problem that the result names. */
const PATIENCE_MS = 60_000;
const MAX_IDLE_MS = 2_000;
const LONG_IDLE_EVERY = 10;
const SILENT_PROBABILITY = 0.3;

/**
 * Restarts both servers in random order. After each restart it checks that the system of a relay and a worker starts a new job in time, and
 * that the worker says "running" only while both servers run. Between some restarts, the connections of the system die without a packet.
 */
export async function* restartServers({ seed, count, longIdleMs }: RestartOptions): AsyncGenerator<Restart> {
  const random = new Random(seed, "restarts");
  await using servers = await startServers();
  await using redis = await startTcpProxy({ url: servers.redis.url });
  await using broker = await startTcpProxy({ url: servers.broker.url });
  await using system = await openSystem({
    redisUrl: withPassword(redis.url),
    rabbitmqUrl: withPassword(broker.url),
    directRedisUrl: servers.redisUrl,
  });
  let jobs = 0;

  /** Waits, injects a fault, and creates a job. */
  async function check(fault: string, idleMs: number, inject: () => Promise<readonly string[]>): Promise<Restart> {
    await pause(idleMs);
    const problems = [...(await inject())];
    const id = `work-${jobs++}`;
    await retry(() => system.create(id));
    const createdAt = performance.now();
    const started = await waitUntil(async () => system.hasStarted(id), PATIENCE_MS);
    const startedAfterMs = Math.round(performance.now() - createdAt);
    if (!started) problems.push(`the job did not start within ${PATIENCE_MS} ms`);
    else if (startedAfterMs > START_LIMIT_MS) problems.push(`the job started after ${startedAfterMs} ms`);
    if (!(await waitUntil(async () => system.state() === "running", START_LIMIT_MS)))
      problems.push(`the worker is "${system.state()}" although both servers run`);
    return { fault, idleMs, startedAfterMs, problems };
  }

  const restart = (names: readonly ("redis" | "broker")[]) => async () => {
    await Promise.all(names.map((name) => servers[name].kill()));
    const noticed = await waitUntil(async () => system.state() === "waiting", NOTICE_LIMIT_MS);
    await Promise.all(names.map((name) => servers[name].restart()));
    return noticed ? [] : [`the worker is "${system.state()}" although ${names.join(" and ")} did not run`];
  };
  /** From now on, the present connections get no answer. New ones are not affected. */
  const silence = async () => {
    redis.holdRequests();
    broker.holdRequests();
    return [];
  };

  yield await check("none", 0, async () => []);
  for (let n = 1; n <= count; n++) {
    const isLong = longIdleMs > 0 && n % LONG_IDLE_EVERY === 0;
    const idleMs = () => (isLong ? longIdleMs : random.integer(0, MAX_IDLE_MS));
    if (random.chance(SILENT_PROBABILITY)) yield await check("connections died silently", idleMs(), silence);
    const names = random.pick([["redis"], ["broker"], ["redis", "broker"]] as const);
    yield await check(`${names.join(" and ")} restarted`, idleMs(), restart(names));
  }
}

export function lineOf({ fault, idleMs, startedAfterMs, problems }: Restart): string {
  const result = problems.length === 0 ? `a job started after ${startedAfterMs} ms` : `PROBLEM: ${problems.join("; ")}`;
  return `${fault}, after ${idleMs} ms without work: ${result}`;
}
