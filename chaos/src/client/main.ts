// A process that uses the packages as their users do, and writes down what it asked and was told. SIGUSR2: make no more
// load. SIGTERM: close everything; the process then ends by itself, or something has been left open.
import { createJobStore } from "@subtitles/job-store";
import { createBroker, createRelay } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { driverOf } from "../mutants.js";
import { queues, task } from "../subject.js";
import { Calls } from "./calls.js";
import { Journal, now } from "./journal.js";
import { BROKER_TIMEOUT_MS, CLAIM_MS, type Settings, STORE_TIMEOUT_MS } from "./settings.js";
import { watch } from "./watcher.js";
import { startWorking } from "./worker.js";
import { write } from "./writer.js";

const settings: Settings = JSON.parse(process.argv[2] ?? "");
const quiet = new AbortController();
const end = new AbortController();
process.on("SIGUSR2", () => quiet.abort());
process.on("SIGTERM", () => end.abort());
// Once this file is there, the runner takes it that signals are heeded.
const journal = new Journal(settings.journal);

const tell = (what: unknown) => journal.say(what instanceof Error ? `${what.name}: ${what.message}` : String(what));
const store = createJobStore({
  job: task,
  driver: driverOf(settings, () => journal.write({ line: "cut", at: now() })),
  historyLimit: 5_000,
  onEvent: ({ type, message, details }) => tell(`${type}: ${message} ${JSON.stringify(details ?? {})}`),
});
const broker = createBroker({
  driver: rabbitmqDriver({ url: settings.rabbitmqUrl, timeoutMs: BROKER_TIMEOUT_MS, heartbeatSeconds: 2 }),
  onError: tell,
});
const calls = new Calls(store, journal, settings.name, STORE_TIMEOUT_MS);

switch (settings.role) {
  case "writer": {
    const { outbox } = store;
    const relay = createRelay({
      outbox: {
        read: (options) => outbox.read({ ...options, claimMs: CLAIM_MS }),
        ack: (ids) => outbox.ack(ids),
        reject: (ids, reason) => outbox.reject(ids, reason),
      },
      broker,
      queues,
      onError: tell,
    });
    await write({ settings, calls, broker, stop: AbortSignal.any([quiet.signal, end.signal]) });
    journal.write({ line: "quiet", at: now() });
    await aborted(end.signal);
    await relay.close();
    break;
  }
  case "worker":
    await startWorking({ settings, calls, broker, journal, stop: end.signal });
    await aborted(end.signal);
    break;
  case "watcher":
    await watch({ store, journal, after: settings.cursor, stop: end.signal });
    break;
}
await broker.close();
await store.close();
journal.write({ line: "ended", at: now() });

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
