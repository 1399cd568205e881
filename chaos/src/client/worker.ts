import { setTimeout as pause } from "node:timers/promises";
import type { Broker, Message } from "@subtitles/queue";
import { acknowledgesFirst } from "../mutants.js";
import { notices, work } from "../subject.js";
import type { Calls, Result } from "./calls.js";
import { type Journal, now } from "./journal.js";
import type { Settings } from "./settings.js";

const HANDLERS = 8;

/** Takes the messages of both queues, and does the work of one. */
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
  const concurrency = { concurrency: HANDLERS };
  await untilOpen(stop, () => broker.consume(notices, async (message) => note(notices.name, message), concurrency));
  await untilOpen(stop, () =>
    broker.consume(
      work,
      async (message) => {
        note(work.name, message);
        const done = doWork(calls, message);
        if (!acknowledgesFirst(settings.mutant)) await done;
      },
      concurrency,
    ),
  );
}

/** A broker that is away when a worker starts is asked again. */
async function untilOpen(stop: AbortSignal, consume: () => Promise<unknown>): Promise<void> {
  while (!stop.aborted) {
    try {
      await consume();
      return;
    } catch {
      await pause(200);
    }
  }
}

/** As workers should: the message is theirs until the store has the outcome. */
async function doWork(calls: Calls, { payload, signal }: Message<typeof work>): Promise<void> {
  const started = await insist(signal, () => calls.move(payload.job, "doing"));
  if (started.job === null) return; // Done before, by another delivery.
  const snapshot = started.job;
  await calls.progress(snapshot);
  await insist(signal, () => calls.move(snapshot, "done", notices.name));
}

/** Asks until the store has an answer. @throws when the message is no longer ours, so that it is not acknowledged */
async function insist(signal: AbortSignal, call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const result = await call();
    if (result.outcome.is !== "unavailable") return result;
    await pause(100);
    signal.throwIfAborted();
  }
}
