// Client process of a round. It uses only the public API of the packages and writes its calls and their results to a journal.
// SIGUSR2 stops the load of a writer. SIGTERM closes everything. The process then ends, unless the packages left a handle open.
import { createJobStore } from "@subtitles/job-store";
import { createBroker, createRelay } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { Journal, now } from "../journal.js";
import { queues, task } from "../workload.js";
import { Calls } from "./calls.js";
import { openDriver } from "./driver.js";
import { recordNotices } from "./notices.js";
import { BROKER_TIMEOUT_MS, CLAIM_MS, GRACE_MS, type Settings, STORE_TIMEOUT_MS } from "./settings.js";
import { watch } from "./watcher.js";
import { startWorker } from "./worker.js";
import { write } from "./writer.js";

const settings: Settings = JSON.parse(process.argv[2] ?? "");
const idle = new AbortController();
const end = new AbortController();
process.on("SIGUSR2", () => idle.abort());
process.on("SIGTERM", () => {
  journal.write({ line: "closing", process: settings.name, at: now() });
  end.abort();
});
// The runner sends signals after this file exists.
const journal = new Journal(settings.journal);

const report = (error: unknown) =>
  journal.report(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
const store = createJobStore({
  job: task,
  driver: openDriver(settings, () => journal.write({ line: "mutated", at: now() })),
  historyLimit: 5_000,
  onEvent: ({ type, message, details }) => report(`${type}: ${message} ${JSON.stringify(details ?? {})}`),
});
const broker = createBroker({
  driver: rabbitmqDriver({ url: settings.rabbitmqUrl, timeoutMs: BROKER_TIMEOUT_MS, heartbeatSeconds: 2 }),
  onError: report,
});

switch (settings.role) {
  case "writer": {
    const calls = new Calls(store, journal, settings.name, STORE_TIMEOUT_MS);
    const { outbox } = store;
    const relay = createRelay({
      outbox: {
        read: (options) => outbox.read({ ...options, claimMs: CLAIM_MS }),
        ack: (ids) => outbox.ack(ids),
        reject: (ids, reason) => outbox.reject(ids, reason),
      },
      broker,
      queues,
      onError: report,
    });
    await write({ settings, calls, broker, stop: AbortSignal.any([idle.signal, end.signal]) });
    journal.write({ line: "idle", at: now() });
    await aborted(end.signal);
    await relay.close();
    break;
  }
  case "worker": {
    const worker = startWorker({ settings, store, broker, journal });
    await recordNotices(broker, journal, end.signal);
    await aborted(end.signal);
    await worker.close({ graceMs: GRACE_MS });
    break;
  }
  case "watcher":
    await watch({ store, journal, after: settings.cursor, stop: end.signal });
    break;
}
await broker.close();
await store.close();
journal.write({ line: "closed", at: now() });

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
