// One library at work against one broker, in a process of its own. Once told to go it publishes all the time, consumes what
// there is, and keeps a journal of both.
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { QueueError } from "@subtitles/queue";
import { Journal } from "./journal.js";
import type { Client, Task } from "./peer.js";
import { peers } from "./peers/index.js";

/** Publishing one message after the other, side by side, with a pause after each. */
const PUBLISHERS = 20;
const PAUSE_MS = 50;
const HANDLER_MS = 200;
/** A call that is not settled so long after the last was made is not going to be: every time limit in use is shorter. */
const PATIENCE_MS = 12_000;
const CLOSE_PATIENCE_MS = 10_000;

const [name = "", journalPath = "", encoded = "{}"] = process.argv.slice(2);
const task: Omit<Task, "onMessage"> = JSON.parse(encoded);
const journal = new Journal(journalPath);

process.on("disconnect", () => process.exit(1));

const peer = await peers[name]?.();
if (peer === undefined) throw new Error(`no library of the name ${name}`);
const client = await peer.open({
  ...task,
  async onMessage(id) {
    journal.write("delivered", id);
    await pause(HANDLER_MS);
    journal.write("handled", id);
  },
});
// By default Node would end the process. It goes on here, to see what else would have happened.
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error: unknown) => journal.write("uncaught", String(error).split("\n")[0] ?? ""));
}
process.send?.("ready");
await once(process, "message");

let stopped = false;
const publishing = Promise.all(Array.from({ length: PUBLISHERS }, (_, publisher) => publishAll(client, publisher)));
await once(process, "message");

stopped = true;
await Promise.race([publishing, pause(PATIENCE_MS)]);
const closing = client.close().then(
  () => journal.write("closed", "well"),
  (error: unknown) => journal.write("closed", String(error)),
);
await Promise.race([closing, pause(CLOSE_PATIENCE_MS)]);
process.exit(0);

async function publishAll(to: Client, publisher: number): Promise<void> {
  for (let n = 0; !stopped; n++) {
    const id = `${publisher}-${n}`;
    journal.write("called", id);
    try {
      await to.publish(id);
      journal.write("confirmed", id);
    } catch (error) {
      journal.write(QueueError.is(error) && error.indeterminate ? "unsure" : "failed", id);
    }
    await pause(PAUSE_MS);
  }
}
