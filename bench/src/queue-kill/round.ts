import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { drain, fill } from "./fill-and-drain.js";
import { readJournal } from "./journal.js";
import type { Task } from "./library.js";
import { type Outcome, outcomeOf } from "./outcome.js";

const PREFETCH = 20;
/** Number of messages to consume: more than a library can handle within the round. */
const TO_CONSUME = 2_500;
const BEFORE_MS = 2_000;
const DOWN_MS = 5_000;
const AFTER_MS = 12_000;

/** Library that takes part in a round, with a type of queue. */
export interface Participant {
  readonly library: string;
  readonly type: Task["type"];
}

export interface Result extends Participant {
  readonly outcome: Outcome;
}

/**
 * Kills the broker while all participants publish and consume, starts it again, and determines the result for every message.
 * The broker is killed once, for all participants at the same time.
 */
export async function runRound(
  server: PrivateServer,
  participants: readonly Participant[],
  name: string,
): Promise<readonly Result[]> {
  const running: Running[] = [];
  try {
    for (const [n, participant] of participants.entries())
      running.push(await start(server, participant, `${name}.${n}`));
    const { killedAt, backAt } = await kill(server, running);
    await Promise.all(running.map(({ stop }) => stop()));
    const results: Result[] = [];
    for (const { library, type, task, journalPath } of running) {
      const journal = readJournal(journalPath);
      const published = await drain(server.url, task.publishTo);
      const left = await drain(server.url, task.consumeFrom);
      const outcome = outcomeOf({ journal, published, left, filled: TO_CONSUME, killedAt, backAt });
      results.push({ library, type, outcome });
    }
    return results;
  } finally {
    for (const { child } of running) child.kill("SIGKILL");
  }
}

async function kill(server: PrivateServer, running: readonly Running[]) {
  const toConsume = running.map(({ task }) => task.consumeFrom);
  await fill(server.url, toConsume, TO_CONSUME);
  for (const { child } of running) child.send("go");
  await pause(BEFORE_MS);
  const killedAt = Date.now();
  await server.kill();
  await pause(DOWN_MS);
  await server.restart();
  const backAt = Date.now();
  await pause(AFTER_MS);
  return { killedAt, backAt };
}

type Running = Awaited<ReturnType<typeof start>>;

/** Starts a participant in its own process. */
async function start(server: PrivateServer, { library, type }: Participant, name: string) {
  const task = {
    url: server.url,
    type,
    publishTo: `${name}.publish`,
    consumeFrom: `${name}.consume`,
    prefetch: PREFETCH,
  };
  const journalPath = join(server.folder, `${name}.journal`);
  const program = fileURLToPath(new URL("client.ts", import.meta.url));
  const child = fork(program, [library, journalPath, JSON.stringify(task)], {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const ready = await Promise.race([once(child, "message"), ended.then(() => null)]);
  if (ready === null) throw new Error(`The process of ${library} ended before it was ready. Its output is above.`);
  const stop = async () => {
    if (child.connected) child.send("stop");
    await ended;
  };
  return { library, type, task, journalPath, child, stop };
}
