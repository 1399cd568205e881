// Client process of a round: uses one library with one broker. After the message "go" it publishes continuously, consumes, and
// writes both to a journal. After the message "stop" it closes the library and ends.
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { QueueError } from "@subtitles/queue";
import { Journal } from "./journal.js";
import { libraries } from "./libraries/index.js";
import type { Client, Task } from "./library.js";

/** Number of concurrent publishers. Each publishes one message after another, with a pause after each. */
const PUBLISHERS = 20;
const PAUSE_MS = 50;
const HANDLER_MS = 200;
/** Time after the last call after which a pending call counts as hung. All timeouts of the libraries are shorter. */
const HANGS_AFTER_MS = 12_000;
const CLOSE_LIMIT_MS = 10_000;

const [name = "", journalPath = "", encoded = "{}"] = process.argv.slice(2);
const task: Omit<Task, "onMessage"> = JSON.parse(encoded);
const journal = new Journal(journalPath);

process.on("disconnect", () => process.exit(1));

const library = await libraries[name]?.();
if (library === undefined) throw new Error(`Unknown library "${name}". Known: ${Object.keys(libraries).join(", ")}.`);
const client = await library.open({
  ...task,
  async onMessage(id) {
    journal.write("delivered", id);
    await pause(HANDLER_MS);
    journal.write("handled", id);
  },
});
// Without these listeners, Node.js would end the process. Here it continues, so that later effects are recorded as well.
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error: unknown) => journal.write("uncaught", String(error).split("\n")[0] ?? ""));
}
process.send?.("ready");
await once(process, "message");

let stopped = false;
const publishing = Promise.all(Array.from({ length: PUBLISHERS }, (_, publisher) => publishAll(client, publisher)));
await once(process, "message");

stopped = true;
await Promise.race([publishing, pause(HANGS_AFTER_MS)]);
const closing = client.close().then(
  () => journal.write("closed", ""),
  (error: unknown) => journal.write("closed", String(error)),
);
await Promise.race([closing, pause(CLOSE_LIMIT_MS)]);
process.exit(0);

async function publishAll(to: Client, publisher: number): Promise<void> {
  for (let n = 0; !stopped; n++) {
    const id = `${publisher}-${n}`;
    journal.write("called", id);
    try {
      await to.publish(id);
      journal.write("confirmed", id);
    } catch (error) {
      journal.write(QueueError.is(error) && error.indeterminate ? "indeterminate" : "failed", id);
    }
    await pause(PAUSE_MS);
  }
}
