import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { curves } from "../harness/curves.js";
import { type Day, type DaySample, day } from "./day.js";
import { largeStore, memoryProblem } from "./large-store.js";

const usage = `npm run soak [-- options]
  --jobs N   sends N jobs through manager, relay and worker, and waits for their expiry (default: 1000000)
  --ttl S    TTL of completed jobs in seconds (default: 60)
  --plot F   file of the plot (default: docs/soak.svg)
  --store N  fills one store without persistence with N jobs instead, and measures the calls that read it:
             10000000 jobs need about 12 GB of memory`;

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "1000000" },
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
  const result = await day({ jobs, ttlSeconds });
  await writeFile(plotFile, plotOf(result, jobs));
  const { samples, loadSeconds, expirySeconds, leftMb } = result;
  const last = (of: (sample: DaySample) => number) => Math.max(...samples.map(of));
  log(`| Measured | |
|---|---|
| jobs | ${jobs.toLocaleString("en")} |
| jobs per second | ${Math.round(jobs / loadSeconds).toLocaleString("en")} |
| last job expired after | ${Math.round(expirySeconds - loadSeconds)} s (TTL ${ttlSeconds} s) |
| Redis memory: largest, after the expiry | ${last(({ redisMb }) => redisMb).toFixed(0)} MB, ${leftMb.toFixed(0)} MB |
| manager: memory, event-loop delay (largest p99 of a second) | ${last(({ manager }) => manager.rssMb).toFixed(0)} MB, ${last(({ manager }) => manager.delayMs).toFixed(0)} ms |
| worker: memory, event-loop delay (largest p99 of a second) | ${last(({ worker }) => worker.rssMb).toFixed(0)} MB, ${last(({ worker }) => worker.delayMs).toFixed(0)} ms |
| outbox: largest depth | ${last(({ outbox }) => outbox).toLocaleString("en")} |
| from request to run: largest median of a second | ${last(({ worker }) => worker.medianMs).toFixed(0)} ms |`);
  return reportProblems(result.problems);
}

function plotOf({ samples, expirySeconds }: Day, jobs: number): string {
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
  const title = `${jobs.toLocaleString("en")} jobs through manager, relay and worker, and their expiry`;
  return curves(samples, panels, title, expirySeconds / 60);
}

async function soakStore(jobs: number): Promise<number> {
  const problem = memoryProblem(jobs);
  if (problem !== null) {
    log(problem);
    return 1;
  }
  const { fillSeconds, redisMb, calls, auditSeconds, problems } = await largeStore(jobs, log);
  const bytes = Math.round((redisMb * 2 ** 20) / jobs).toLocaleString("en");
  log(`${jobs.toLocaleString("en")} jobs: stored in ${Math.round(fillSeconds)} s, ${redisMb.toFixed(0)} MB (${bytes} bytes per job), audit ${Math.round(auditSeconds)} s

| Call | median | p99 |
|---|---|---|`);
  for (const { call, medianMs, p99Ms } of calls)
    log(`| ${call} | ${medianMs.toFixed(2)} ms | ${p99Ms.toFixed(2)} ms |`);
  return reportProblems(problems);
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
