import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { type OwnProcess, spawnOwn } from "./own-process.js";

/** Server that belongs to one test, on a free port of the loopback address and with its data in a temporary folder. */
export interface PrivateServer extends AsyncDisposable {
  readonly url: string;
  /** Port, which does not change at a restart. */
  readonly port: number;
  /** Id of the process, which changes at a restart. */
  readonly pid: number;
  /** Folder with its data and logs. */
  readonly folder: string;
  /**
   * Sends a signal. Then waits until the server has ended, except for SIGSTOP and SIGCONT.
   * @default "SIGKILL"
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts the server again on the same port and with its data. Kills it first if it still runs. */
  restart(): Promise<void>;
  /** Kills the server and removes its folder. Another call does nothing. */
  stop(): Promise<void>;
}

/** Command that runs a server, and the check that it is ready. */
export interface Recipe {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly url: string;
  readonly port: number;
  /** Bytes to send after the connection was opened. */
  readonly greeting: string;
  /** Returns true if the first bytes of the reply show that the server is ready. */
  isReady(reply: Buffer): boolean;
  readonly readyWithinMs: number;
  /** Stops other processes of the server, before its folder is removed. */
  afterwards?(): Promise<void>;
}

/** Starts a server in a new temporary folder. `prepare` gets the folder and returns the command. */
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
    if (this.#stopped) throw new Error(`${this.#name} cannot restart: it was stopped, and its data was removed`);
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
    if (await isReady(recipe)) return own;
    await pause(20);
  }
  const problem = own.isRunning() ? `was not ready after ${recipe.readyWithinMs} ms` : "ended during its start";
  own.signal("SIGKILL");
  await own.ended;
  throw new Error(`${name} ${problem}\n${own.output()}`);
}

async function isReady({ port, greeting, isReady: check }: Recipe): Promise<boolean> {
  const socket = connect(port, "127.0.0.1", () => socket.write(greeting));
  socket.setTimeout(5_000, () => socket.destroy());
  socket.on("error", () => {
    // The connection closes after an error. A server that is still starting can also close it without a reply.
  });
  const reply = await new Promise<Buffer | null>((resolve) => {
    socket.once("data", resolve);
    socket.once("close", () => resolve(null));
  });
  socket.destroy();
  return reply !== null && check(reply);
}
