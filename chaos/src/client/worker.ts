import { setTimeout as pause } from "node:timers/promises";
import type { Broker, Message } from "@subtitles/queue";
import { type Journal, now } from "../journal.js";
import { acknowledgesFirst } from "../mutants.js";
import { notices, work } from "../workload.js";
import type { Calls, Result } from "./calls.js";
import type { Settings } from "./settings.js";

const CONCURRENCY = 8;

/** Consumes both queues. Processes the jobs of `work`, and only records the messages of `notices`. */
export async function startWorking(options: {
  readonly settings: Settings;
  readonly calls: Calls;
  readonly broker: Broker;
  readonly journal: Journal;
  readonly stop: AbortSignal;
}): Promise<void> {
  const { settings, calls, broker, journal, stop } = options;
  const note = (queue: string, { id, payload }: Message<typeof work>) =>
    journal.write({ line: "received", queue, id, ...payload, at: now() });
  const concurrency = { concurrency: CONCURRENCY };
  await startConsumer(stop, () => broker.consume(notices, async (message) => note(notices.name, message), concurrency));
  await startConsumer(stop, () =>
    broker.consume(
      work,
      async (message) => {
        note(work.name, message);
        const done = processJob(calls, message);
        if (!acknowledgesFirst(settings.mutant)) await done;
      },
      concurrency,
    ),
  );
}

/** Repeats `consume` until it succeeds. The broker may be unavailable when a worker starts. */
async function startConsumer(stop: AbortSignal, consume: () => Promise<unknown>): Promise<void> {
  while (!stop.aborted) {
    try {
      await consume();
      return;
    } catch {
      await pause(200);
    }
  }
}

/** Processes a job. The message is acknowledged after the result is stored. */
async function processJob(calls: Calls, { payload, signal }: Message<typeof work>): Promise<void> {
  const started = await callUntilAvailable(signal, () => calls.move(payload.job, "doing"));
  if (started.job === null) return; // Another delivery of the message has already completed the job.
  const snapshot = started.job;
  await calls.progress(snapshot);
  await callUntilAvailable(signal, () => calls.move(snapshot, "done", notices.name));
}

/** Repeats a call while the store is unavailable. @throws if the message is aborted, so that it is not acknowledged */
async function callUntilAvailable(signal: AbortSignal, call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const result = await call();
    if (result.outcome.is !== "unavailable") return result;
    await pause(100);
    signal.throwIfAborted();
  }
}
