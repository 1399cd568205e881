// Worker process. Started by `startChild` with the settings as its argument.
import { setTimeout as pause } from "node:timers/promises";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker, createRelay } from "../../src/index.js";
import { rabbitmqDriver } from "../../src/rabbitmq.js";
import { createWorker, JobFailed, type Outcome, RetryLater, type WorkerContext } from "../../src/worker.js";
import { encodings, type Films, films, renderings } from "../worker-suite/films.js";
import type { ChildSettings, FromChild, ThrownError, ToChild } from "./child-protocol.js";

const settings: ChildSettings = JSON.parse(process.argv[2] ?? "");
const {
  redis,
  rabbitmqUrl,
  prefix,
  heartbeatSeconds,
  deliveryLimit,
  retryDelaysMs,
  graceMs,
  diesBeforeClaim,
  diesInRun,
} = settings;
const queue = { ...renderings, retryDelaysMs, ...(deliveryLimit !== undefined && { deliveryLimit }) };

const driver =
  "url" in redis
    ? redisDriver({ url: redis.url })
    : redisDriver({ sentinels: [{ host: "127.0.0.1", port: redis.sentinelPort }], name: redis.name });
const store = createJobStore({ job: films, driver });
const broker = createBroker({ driver: rabbitmqDriver({ url: rabbitmqUrl, prefix, heartbeatSeconds }) });
const relay = settings.relay ? createRelay({ outbox: store.outbox, broker, queues: [queue, encodings] }) : null;

interface Run {
  readonly context: WorkerContext<Films, typeof renderings>;
  resolve(outcome: Outcome<Films, "rendering">): void;
  reject(error: unknown): void;
}
const runs: Run[] = [];

const options: Parameters<typeof createWorker<Films, typeof queue, "rendering">>[0] = {
  ...settings.worker,
  store,
  broker,
  queue,
  from: ["pending", "waiting"],
  working: "rendering",
  jobId: ({ jobId }) => {
    if (diesBeforeClaim !== undefined && jobId.startsWith(diesBeforeClaim)) process.kill(process.pid, "SIGKILL");
    return jobId;
  },
  onEvent: ({ error, ...event }) => {
    send({ type: "event", event: { ...event, ...(error !== undefined && { error: String(error) }) } });
  },
  run: async (job, context) => {
    if (diesInRun !== undefined && job.id.startsWith(diesInRun)) process.kill(process.pid, "SIGKILL");
    const run = runs.length;
    const { promise, ...ends } = withResolvers<Outcome<Films, "rendering">>();
    runs.push({ context, ...ends });
    context.signal.addEventListener("abort", () => {
      send({ type: "aborted", run, code: String(context.signal.reason.code) });
    });
    const { id: messageId } = context.message;
    send({
      type: "run",
      run,
      jobId: job.id,
      messageId,
      attempt: context.attempt,
      percent: job.progress?.percent ?? null,
    });
    if (!settings.finishes) return promise;
    if (settings.runMs !== undefined) await pause(settings.runMs);
    return { to: "done", result: { url: `/${job.id}` } };
  },
};
const workers = Array.from({ length: settings.workers ?? 1 }, () => createWorker(options));

process.on("message", (message: ToChild) => void receive(message));
// The test ended without this process.
process.on("disconnect", () => process.exit(1));
process.on("SIGTERM", () => void shutDown());

async function receive(message: ToChild): Promise<void> {
  switch (message.type) {
    case "finish":
      runs[message.run]?.resolve({ to: message.to, ...(message.to === "done" && { result: { url: "/done" } }) });
      return;
    case "fail":
      runs[message.run]?.reject(errorOf(message.error));
      return;
    case "progress":
      await runs[message.run]?.context.checkpoint({ percent: message.percent });
      send({ type: "stored", run: message.run });
      return;
    case "block":
      for (const end = performance.now() + message.ms; performance.now() < end; );
      return;
    case "state":
      send({ type: "state", state: workers.find(({ state }) => state !== "running")?.state ?? "running" });
  }
}

async function shutDown(): Promise<void> {
  const startedAt = performance.now();
  await Promise.all(workers.map((worker) => worker.close({ ...(graceMs !== undefined && { graceMs }) })));
  send({ type: "closed", tookMs: performance.now() - startedAt });
  await relay?.close();
  await broker.close();
  await store.close();
  process.removeAllListeners("disconnect");
  process.disconnect();
}

function errorOf(error: ThrownError): Error {
  if (error.kind === "later") return new RetryLater("Later.", { afterMs: error.afterMs });
  if (error.kind === "failed") return new JobFailed(error.error.message);
  return new Error(error.message);
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    [resolve, reject] = [onResolve, onReject];
  });
  return { promise, resolve, reject };
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message);
}
