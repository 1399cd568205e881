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
  /** The open file that the app's log goes to. */
  readonly logFile: number;
  readonly say: (text: string) => void;
}

export interface Supervised extends AsyncDisposable {
  readonly name: string;
  /** It has died too often and is not started again. */
  readonly gaveUp: boolean;
}

/** Runs an app by its own `start`, and starts it again when it dies, as an orchestrator would. */
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
    say(`${name} died (${signal ?? `exit code ${code}`}): ${again ? "it is started again" : "that is enough"}`);
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

/** What `npm start` would run: started directly, so that signals reach the app itself. */
async function startCommand({ folder, args: added }: App): Promise<[string, ...string[]]> {
  const { scripts } = JSON.parse(await readFile(inExamples(`${folder}/package.json`), "utf8"));
  const [command, ...args] = String(scripts.start).split(" ");
  return [command ?? "node", ...args, ...added];
}
