import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { type OwnProcess, spawnOwn } from "./own-process.js";

/** A real server of a test's own: a free loopback port, a temporary folder, nothing shared with anyone. */
export interface PrivateServer extends AsyncDisposable {
  readonly url: string;
  /** Stays the same across restarts. */
  readonly port: number;
  /** The running process; another one after a restart. */
  readonly pid: number;
  /** Its data and logs. */
  readonly folder: string;
  /**
   * Sends a signal. Resolves when the server has ended, for signals that end it (all but SIGSTOP and SIGCONT).
   * @default "SIGKILL"
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts the server again, on the same port and with the data it left; ends it first if it still runs. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. Calling it again does nothing. */
  stop(): Promise<void>;
}

/** How to run one kind of server. */
export interface Recipe {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly url: string;
  readonly port: number;
  /** What to send to a server that has just accepted a connection… */
  readonly greeting: string;
  /** …and whether its answer means that it is ready. */
  isReady(answer: Buffer): boolean;
  readonly readyWithinMs: number;
  /** Ends what runs beside the server, before its folder goes. */
  afterwards?(): Promise<void>;
}

/** Starts a server in a temporary folder of its own. `prepare` gets the folder and says how to run the server there. */
export async function startPrivateServer(
  name: string,
  prepare: (folder: string) => Promise<Recipe>,
): Promise<PrivateServer> {
  const folder = await mkdtemp(join(tmpdir(), `subtitles-${name}-`));
  cleanUpLater({ path: folder });
  try {
    const recipe = await prepare(folder);
    try {
      return new RunningServer(name, folder, recipe, await launch(name, folder, recipe));
    } catch (error) {
      await recipe.afterwards?.();
      throw error;
    }
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}

class RunningServer implements PrivateServer {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly #name: string;
  readonly #recipe: Recipe;
  #running: OwnProcess;
  #stopped = false;

  constructor(name: string, folder: string, recipe: Recipe, running: OwnProcess) {
    this.url = recipe.url;
    this.port = recipe.port;
    this.#name = name;
    this.folder = folder;
    this.#recipe = recipe;
    this.#running = running;
  }

  get pid(): number {
    return this.#running.pid;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#running.signal(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") await this.#running.ended;
  }

  async restart(): Promise<void> {
    if (this.#stopped) throw new Error(`${this.#name}: stopped, its data is gone`);
    await this.kill();
    this.#running = await launch(this.#name, this.folder, this.#recipe);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.kill();
    await this.#recipe.afterwards?.();
    await removeFolder(this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  forget({ path: folder });
}

async function launch(name: string, folder: string, recipe: Recipe): Promise<OwnProcess> {
  const own = spawnOwn(recipe.command, recipe.args, { cwd: folder, ...(recipe.env && { env: recipe.env }) });
  const end = Date.now() + recipe.readyWithinMs;
  while (own.isRunning() && Date.now() < end) {
    if (await answers(recipe)) return own;
    await pause(20);
  }
  const why = own.isRunning() ? `not ready after ${recipe.readyWithinMs} ms` : "ended while starting";
  own.signal("SIGKILL");
  await own.ended;
  throw new Error(`${name}: ${why}\n${own.output()}`);
}

async function answers({ port, greeting, isReady }: Recipe): Promise<boolean> {
  const socket = connect(port, "127.0.0.1", () => socket.write(greeting));
  socket.setTimeout(5_000, () => socket.destroy());
  socket.on("error", () => {
    // The connection closes after an error. A server that is still starting may also close it without an answer.
  });
  const answer = await new Promise<Buffer | null>((resolve) => {
    socket.once("data", resolve);
    socket.once("close", () => resolve(null));
  });
  socket.destroy();
  return answer !== null && isReady(answer);
}
