import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type App, inExamples } from "./system.js";

const BEFORE_RESTART_MS = 500;
const RESTARTS_AT_MOST = 10;
const GRACE_MS = 10_000;

export interface SuperviseOptions {
  readonly app: App;
  readonly env: NodeJS.ProcessEnv;
  /** Open file for the log of the app. */
  readonly logFile: number;
  readonly say: (text: string) => void;
}

export interface Supervised extends AsyncDisposable {
  readonly name: string;
  /** Called if the app has died too often and is not started again. */
  readonly gaveUp: boolean;
}

/** Starts an app with its own `start` command, and starts it again if it dies, like an orchestrator. */
export async function supervise({ app, env, logFile, say }: SuperviseOptions): Promise<Supervised> {
  const [command, ...args] = await startCommand(app);
  const { name } = app;
  let stopping = false;
  let restarts = 0;
  let gaveUp = false;
  let child = start();

  function start(): ChildProcess {
    const started = spawn(command === "node" ? process.execPath : command, args, {
      cwd: inExamples(app.folder),
      env,
      stdio: ["ignore", logFile, logFile],
    });
    say(`${name} runs as process ${started.pid}`);
    started.once("exit", (code, signal) => void restart(code, signal));
    return started;
  }

  async function restart(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    if (stopping) return;
    const again = restarts < RESTARTS_AT_MOST;
    say(
      `${name} died (${signal ?? `exit code ${code}`}): ${again ? "it is started again" : "it is not started again"}`,
    );
    if (!again) {
      gaveUp = true;
      return;
    }
    restarts += 1;
    await delay(BEFORE_RESTART_MS);
    if (!stopping) child = start();
  }

  return {
    name,
    get gaveUp() {
      return gaveUp;
    },
    async [Symbol.asyncDispose]() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await exited;
      clearTimeout(hard);
    },
  };
}

/** Returns the command of `npm start`. It is run directly, so that signals reach the app. */
async function startCommand({ folder, args: added }: App): Promise<[string, ...string[]]> {
  const { scripts } = JSON.parse(await readFile(inExamples(`${folder}/package.json`), "utf8"));
  const [command, ...args] = String(scripts.start).split(" ");
  return [command ?? "node", ...args, ...added];
}
