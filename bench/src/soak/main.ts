import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { curves } from "../harness/curves.js";
import { type Day, type DaySample, day } from "./day.js";
import { largeStore, memoryProblem } from "./large-store.js";

const usage = `npm run soak [-- options]
  --jobs N   sends N jobs through manager, relay and worker, and waits for their expiry (default: 1000000)
  --minutes M  sends no further job after M minutes (default: no limit)
  --ttl S    TTL of completed jobs in seconds (default: 60)
  --plot F   file of the plot (default: docs/soak.svg)
  --store N  fills one store without persistence with N jobs instead, and measures the calls that read it:
             10000000 jobs need about 12 GB of memory`;

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "1000000" },
    minutes: { type: "string" },
    ttl: { type: "string", default: "60" },
    plot: { type: "string" },
    store: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const log = (line: string) => console.log(line);
const plotFile = values.plot ?? new URL("../../../docs/soak.svg", import.meta.url);
if (values.help) log(usage);
else process.exitCode = await (values.store === undefined ? soakDay() : soakStore(positive("store", values.store)));

async function soakDay(): Promise<number> {
  const jobs = positive("jobs", values.jobs);
  const ttlSeconds = positive("ttl", values.ttl);
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : positive("minutes", values.minutes);
  const result = await day({ jobs, ttlSeconds, minutes, log });
  await writeFile(plotFile, plotOf(result));
  const { samples, accepted, repeated, repeatedRuns, cpuMs, loadSeconds, expirySeconds, leftMb } = result;
  const last = (of: (sample: DaySample) => number) =>
    samples.map(of).reduce((largest, one) => Math.max(largest, one), 0);
  log(`| Measured | |
|---|---|
| jobs | ${accepted.toLocaleString("en")} |
| repeated requests, repeated runs | ${repeated}, ${repeatedRuns} |
| duration until the last job was done | ${Math.round(loadSeconds)} s |
| jobs per second | ${Math.round(accepted / loadSeconds).toLocaleString("en")} |
| CPU time per job: manager, worker, Redis, RabbitMQ | ${cpuMs.manager.toFixed(2)}, ${cpuMs.worker.toFixed(2)}, ${cpuMs.redis.toFixed(2)}, ${cpuMs.rabbitmq.toFixed(2)} ms |
| CPU time per job of the client that sends the requests | ${cpuMs.client.toFixed(2)} ms |
| last job expired after | ${Math.round(expirySeconds - loadSeconds)} s (TTL ${ttlSeconds} s) |
| Redis memory: largest, after the expiry | ${last(({ redisMb }) => redisMb).toFixed(0)} MB, ${leftMb.toFixed(0)} MB |
| manager: memory, event-loop delay (largest p99 of a second) | ${last(({ manager }) => manager.rssMb).toFixed(0)} MB, ${last(({ manager }) => manager.delayMs).toFixed(0)} ms |
| worker: memory, event-loop delay (largest p99 of a second) | ${last(({ worker }) => worker.rssMb).toFixed(0)} MB, ${last(({ worker }) => worker.delayMs).toFixed(0)} ms |
| outbox: largest depth | ${last(({ outbox }) => outbox).toLocaleString("en")} |
| from request to run: largest median of a second | ${last(({ worker }) => worker.medianMs).toFixed(0)} ms |`);
  return reportProblems(result.problems);
}

function plotOf({ samples, accepted, expirySeconds }: Day): string {
  const panels = [
    { title: "Jobs done", unit: "", value: ({ done }: DaySample) => done },
    { title: "Redis", unit: "MB", value: ({ redisMb }: DaySample) => redisMb },
    { title: "Outbox", unit: "messages", value: ({ outbox }: DaySample) => outbox },
    { title: "Manager: memory", unit: "MB", value: ({ manager }: DaySample) => manager.rssMb },
    { title: "Worker: memory", unit: "MB", value: ({ worker }: DaySample) => worker.rssMb },
    { title: "Manager: event-loop delay", unit: "ms", value: ({ manager }: DaySample) => manager.delayMs },
    { title: "Worker: event-loop delay", unit: "ms", value: ({ worker }: DaySample) => worker.delayMs },
    { title: "From request to run", unit: "ms", value: ({ worker }: DaySample) => worker.medianMs },
  ];
  const title = `${accepted.toLocaleString("en")} jobs through manager, relay and worker, and their expiry`;
  return curves(samples, panels, title, expirySeconds / 60);
}

async function soakStore(jobs: number): Promise<number> {
  const problem = memoryProblem(jobs);
  if (problem !== null) {
    log(problem);
    return 1;
  }
  let found = 1;
  await largeStore(jobs, log, async (result) => {
    const { fill, redisMb, calls } = result;
    const bytes = Math.round((redisMb * 2 ** 20) / result.jobs).toLocaleString("en");
    log(`${result.jobs.toLocaleString("en")} jobs: ${redisMb.toFixed(0)} MB (${bytes} bytes per job)

| Call | median | p99 | CPU of the client | CPU of Redis |
|---|---|---|---|---|`);
    for (const { call, medianMs, p99Ms, cpu } of calls)
      log(
        `| ${call} | ${medianMs.toFixed(2)} ms | ${p99Ms.toFixed(2)} ms | ${micros(cpu.client)} | ${micros(cpu.redis)} |`,
      );
    const audit = await result.audit();
    log(`
| Work on all jobs | duration | CPU of the client per job | CPU of Redis per job |
|---|---|---|---|
| save | ${Math.round(fill.seconds)} s | ${micros(fill.cpu.client)} | ${micros(fill.cpu.redis)} |
| audit | ${Math.round(audit.seconds)} s | ${micros(audit.cpu.client)} | ${micros(audit.cpu.redis)} |`);
    const short = result.jobs < jobs ? [`The memory was short after ${result.jobs} jobs.`] : [];
    found = reportProblems([...short, ...audit.problems]);
  });
  return found;
}

function micros(value: number): string {
  return `${Math.round(value).toLocaleString("en")} µs`;
}

function reportProblems(problems: readonly string[]): number {
  log(problems.length === 0 ? "\nNothing was lost." : `\n${problems.join("\n")}`);
  return problems.length === 0 ? 0 : 1;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  log(usage);
  throw new Error(`--${name} must be a positive integer.`);
}
