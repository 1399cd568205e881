import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type OwnProcess, spawnOwn } from "../../test/servers/own-process.js";
import { startTcpProxy, type TcpProxy } from "../../test/servers/tcp-proxy.js";
import type { Role, Settings } from "./client/settings.js";
import type { MutantName } from "./mutants.js";
import { comesToHold } from "./patience.js";
import type { Line } from "./record.js";
import { type World, withPassword } from "./world.js";

const folderOfThis = fileURLToPath(new URL("..", import.meta.url));

/** How long a process may take to start. */
const START_MS = 20_000;
/** How long its last calls may take: several, where it repeats one. */
const QUIET_MS = 20_000;

/** One after the other, the processes that have this name; each reaches the servers through proxies of its own. */
export class Client implements AsyncDisposable {
  readonly name: string;
  readonly redis: TcpProxy;
  readonly broker: TcpProxy;
  readonly #settings: Omit<Settings, "name" | "journal" | "cursor">;
  readonly #folder: string;
  readonly #firstCursor: string;
  readonly #killed = new Set<number>();
  #generation = 0;
  #process: OwnProcess;

  constructor(name: string, redis: TcpProxy, broker: TcpProxy, round: RoundSettings, role: Role) {
    this.name = name;
    this.redis = redis;
    this.broker = broker;
    this.#folder = round.folder;
    this.#firstCursor = round.cursor;
    const { seed, startedAt, mutant } = round;
    const urls = { redisUrl: withPassword(redis.url), rabbitmqUrl: withPassword(broker.url) };
    this.#settings = { role, seed, startedAt, mutant, ...urls };
    this.#process = this.#start();
  }

  /** What its processes left behind where they ended without being asked to. */
  readonly crashes: string[] = [];

  /** Names of those that were killed: what they had begun has no answer. */
  get killed(): readonly string[] {
    return [...this.#killed].map((generation) => `${this.name}.${generation}`);
  }

  get journals(): readonly string[] {
    return Array.from({ length: this.#generation + 1 }, (_, generation) => this.#journal(generation)).filter(
      existsSync,
    );
  }

  async kill(): Promise<void> {
    this.#noteCrash();
    this.#killed.add(this.#generation);
    this.#process.signal("SIGKILL");
    await this.#process.ended;
  }

  /** Another process takes over the name. */
  follow(): void {
    this.#generation++;
    this.#process = this.#start();
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process.signal(signal);
  }

  /** Has it make no more load, and waits until what it had begun has settled. */
  async quiet(): Promise<void> {
    if (this.#settings.role !== "writer") return;
    await this.#heedsSignals();
    this.#process.signal("SIGUSR2");
    const isQuiet = async () => lastLine(this.#journal(this.#generation), "quiet") !== undefined;
    await comesToHold(async () => !this.#process.isRunning() || (await isQuiet()), QUIET_MS);
  }

  /** Waits until a watcher has seen this job's creation; answers what was wrong, or null. */
  async catchUp(job: string, limitMs: number): Promise<string | null> {
    if (this.#settings.role !== "watcher") return null;
    const hasSeen = async () => lastLine(this.#journal(this.#generation), "seen", `"job":"${job}"`) !== undefined;
    return (await comesToHold(hasSeen, limitMs)) ? null : `${this.name} did not catch up within ${limitMs} ms`;
  }

  /** Has it close everything; answers what was wrong with its end, or null. */
  async end(limitMs: number): Promise<string | null> {
    await this.#heedsSignals();
    this.#process.signal("SIGTERM");
    if (await comesToHold(async () => !this.#process.isRunning(), limitMs)) {
      this.#noteCrash();
      return null;
    }
    await this.kill();
    return `${this.name} did not end within ${limitMs} ms of being asked to`;
  }

  async #heedsSignals(): Promise<void> {
    const journal = this.#journal(this.#generation);
    await comesToHold(async () => existsSync(journal) || !this.#process.isRunning(), START_MS);
  }

  /** A process that ends by itself says so; what it is told after that, it may still write down. */
  #noteCrash(): void {
    if (this.#process.isRunning() || this.#killed.has(this.#generation)) return;
    const journal = this.#journal(this.#generation);
    const ended = existsSync(journal) && lastLine(journal, "ended") !== undefined;
    if (!ended) this.crashes.push(`${this.name} crashed: ${this.#process.output()}`);
  }

  output(): string {
    return this.#process.output();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.ended;
    await Promise.all([this.redis.close(), this.broker.close()]);
  }

  #start(): OwnProcess {
    const settings: Settings = {
      ...this.#settings,
      name: `${this.name}.${this.#generation}`,
      journal: this.#journal(this.#generation),
      cursor: this.#lastCursor(),
    };
    const args = ["--import", "tsx", "src/client/main.ts", JSON.stringify(settings)];
    return spawnOwn(process.execPath, args, { cwd: folderOfThis });
  }

  #journal(generation: number): string {
    return join(this.#folder, `${this.name}.${generation}.jsonl`);
  }

  #lastCursor(): string | null {
    if (this.#settings.role !== "watcher") return null;
    for (const journal of this.journals.toReversed()) {
      const seen = lastLine(journal, "seen");
      if (seen !== undefined) return seen.cursor;
    }
    return this.#firstCursor;
  }
}

export interface RoundSettings {
  readonly seed: number;
  readonly folder: string;
  readonly startedAt: number;
  readonly mutant: MutantName | null;
  /** The beginning of the event log. */
  readonly cursor: string;
}

/** How many processes of each role. */
const ROLES: Readonly<Record<Role, number>> = { writer: 2, worker: 2, watcher: 1 };

export async function startFleet(servers: Omit<World, "clients">, round: RoundSettings): Promise<Client[]> {
  const clients: Client[] = [];
  for (const role of Object.keys(ROLES) as Role[]) {
    for (let n = 1; n <= ROLES[role]; n++) {
      const [redis, broker] = await Promise.all([startTcpProxy(servers.redis), startTcpProxy(servers.broker)]);
      clients.push(new Client(`${role}${n}`, redis, broker, round, role));
    }
  }
  return clients;
}

/** A line that its writer was killed at is left out. */
export function readLines(path: string): readonly Line[] {
  return readFileSync(path, "utf8").split("\n").flatMap(parsed);
}

/** Looked for as text: journals are long, and what passes through this process waits meanwhile. */
function lastLine<K extends Line["line"]>(path: string, kind: K, words = ""): Extract<Line, { line: K }> | undefined {
  const texts = readFileSync(path, "utf8").split("\n");
  const isIt = (text: string) => text.startsWith(`{"line":"${kind}"`) && text.includes(words);
  const found = texts.findLast((text) => isIt(text) && parsed(text).length > 0);
  return parsed(found ?? "").find((line): line is Extract<Line, { line: K }> => line.line === kind);
}

function parsed(text: string): readonly Line[] {
  try {
    return [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}
