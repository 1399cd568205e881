import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { median, ratios } from "../harness/statistics.js";
import type { Ratio, Run, Section, Suite, Wanted } from "../harness/suite.js";
import { type BenchRedis, benchRedis } from "../job-store/redis.js";
import { type BenchRabbitmq, benchRabbitmq } from "../queue/rabbitmq.js";
import { AHEAD, BULLMQ, BY_HAND, type Library, libraries, type Servers, WHOLE_PATH } from "./libraries.js";
import type { MeasuredRound } from "./process.js";

const PROCESS = fileURLToPath(new URL("process.ts", import.meta.url));

/** Results of a library. Each array has one element per round. CPU times are per job, in µs. */
interface Result {
  readonly library: Library;
  readonly perSecond: number[];
  readonly node: number[];
  readonly redis: number[];
  readonly rabbitmq: number[];
}

type Measure = "perSecond" | "node" | "redis" | "rabbitmq";

/** Short jobs by worker: our own in several forms, and BullMQ's. One process per library. */
export const working: Suite = {
  name: "worker",
  measure: async (run) => {
    await using redis = await benchRedis();
    await using rabbitmq = await benchRabbitmq();
    const sections: Section[] = [];
    for (const concurrency of [16, 64]) sections.push(await compare(run, concurrency, { redis, rabbitmq }));
    return sections;
  },
};

interface BenchServers {
  readonly redis: BenchRedis;
  readonly rabbitmq: BenchRabbitmq;
}

async function compare({ full, log }: Run, concurrency: number, servers: BenchServers): Promise<Section> {
  const [rounds, count] = full ? [7, 6_000] : [3, 2_000];
  const urls = { redis: servers.redis.url, rabbitmq: servers.rabbitmq.url };
  const processes = await Promise.all(libraries.map((library) => open(library, concurrency, urls)));
  for (let round = 0; round <= rounds; round++) {
    const first = round % processes.length;
    for (const one of [...processes.slice(first), ...processes.slice(0, first)]) {
      const measured = await measure(one, count, servers);
      // The first round is the warm-up.
      if (round > 0) record(one.result, measured);
      log(roundLine(one.result.library, concurrency, measured));
    }
  }
  for (const { child } of processes) child.disconnect();
  const results = new Map(processes.map(({ result }) => [result.library.name, result]));
  return {
    title: `short jobs by worker, concurrency ${concurrency}`,
    about:
      "Jobs with 560 bytes of data. Their work returns at once. " +
      `Each round has ${count.toLocaleString("en")} jobs, which exist before its start. Except for the whole path, their messages are already in a quorum queue. ` +
      "BullMQ also keeps its jobs.",
    table: { head: HEAD, rows: [...results.values()].map((result) => row(result, results)) },
    ratios: wantedRatios(concurrency, results),
  };
}

interface OpenProcess {
  readonly child: ChildProcess;
  readonly result: Result;
}

async function open(library: Library, concurrency: number, servers: Servers): Promise<OpenProcess> {
  const child = fork(PROCESS, [library.name, `${concurrency}`, JSON.stringify(servers)]);
  await answer(child);
  return { child, result: { library, perSecond: [], node: [], redis: [], rabbitmq: [] } };
}

/** Resolves to the next message of a process. @throws if the process ends */
async function answer(child: ChildProcess): Promise<unknown> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`The process of a library ended with code ${code}.`);
  });
  const [reply] = await Promise.race([once(child, "message"), ended]);
  return reply;
}

interface Measured extends MeasuredRound {
  readonly count: number;
  /** CPU times of the servers in ms. */
  readonly redis: number;
  readonly rabbitmq: number;
}

async function measure({ child }: OpenProcess, count: number, servers: BenchServers): Promise<Measured> {
  child.send(count);
  await answer(child);
  const [redis, rabbitmq] = await Promise.all([servers.redis.cpu(), servers.rabbitmq.cpu()]);
  child.send("work");
  const measured = (await answer(child)) as MeasuredRound;
  return {
    ...measured,
    count,
    redis: (await servers.redis.cpu()) - redis,
    rabbitmq: (await servers.rabbitmq.cpu()) - rabbitmq,
  };
}

function roundLine({ name }: Library, concurrency: number, { count, ms, cpuMicros }: Measured): string {
  return `  ${name}, ${concurrency}: ${Math.round((count / ms) * 1000)} jobs/s, ${Math.round(cpuMicros / count)} µs of node per job`;
}

function record(result: Result, { count, ms, cpuMicros, redis, rabbitmq }: Measured): void {
  result.perSecond.push((count / ms) * 1000);
  result.node.push(cpuMicros / count);
  result.redis.push((redis * 1000) / count);
  result.rabbitmq.push((rabbitmq * 1000) / count);
}

const HEAD = ["", "jobs/s", `vs. ${BULLMQ}`, "CPU µs per job: node / redis / rabbitmq", "guarantees"];

function row(result: Result, results: ReadonlyMap<string, Result>): readonly string[] {
  const { library, perSecond, node, redis, rabbitmq } = result;
  return [
    library.name,
    Math.round(median(perSecond)).toLocaleString("en"),
    `${ratios(perSecond, of(results, BULLMQ, "perSecond")).median.toFixed(2)} ×`,
    [node, redis, rabbitmq].map((micros) => Math.round(median(micros))).join(" / "),
    library.guarantees,
  ];
}

function wantedRatios(concurrency: number, results: ReadonlyMap<string, Result>): readonly Ratio[] {
  const ratio = (ours: string, theirs: string, measure: Measure, wanted: Wanted): Ratio => ({
    name: `worker ${concurrency}${measure === "perSecond" ? "" : `, CPU of ${measure}`}: ${ours} / ${theirs}`,
    value: ratios(of(results, ours, measure), of(results, theirs, measure)),
    wanted,
  });
  return [
    ratio(AHEAD, BULLMQ, "perSecond", { atLeast: concurrency === 16 ? 1 : 0.95 }),
    ratio(AHEAD, BULLMQ, "redis", { atMost: 0.65 }),
    ratio(AHEAD, BY_HAND, "perSecond", { atLeast: 1 }),
    ratio(WHOLE_PATH, BULLMQ, "perSecond", { atLeast: 0.55 }),
  ];
}

function of(results: ReadonlyMap<string, Result>, name: string, measure: Measure): readonly number[] {
  return results.get(name)?.[measure] ?? [];
}
