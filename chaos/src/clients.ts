import { existsSync } from "node:fs";
import { join } from "node:path";
import { type OwnProcess, spawnOwn } from "../../test/servers/own-process.js";
import { startTcpProxy, type TcpProxy } from "../../test/servers/tcp-proxy.js";
import { ORDER_LOOPS, type Role, type Settings } from "./client/settings.js";
import { lastLine } from "./journal.js";
import type { MutantName } from "./mutants.js";
import { waitUntil } from "./retry.js";
import { type Servers, withPassword } from "./servers.js";
import { kinds } from "./workload.js";

/** Time limit for the start of a process. */
const START_LIMIT_MS = 20_000;
/** Time limit for the last calls of a writer. It can repeat a call several times. */
const IDLE_LIMIT_MS = 20_000;

/**
 * Client of the servers: a process, which is replaced by a new one of the next generation after it was killed. Each client
 * connects to the servers through its own proxies.
 */
export class Client implements AsyncDisposable {
  readonly name: string;
  readonly redis: TcpProxy;
  readonly broker: TcpProxy;
  readonly #settings: Omit<Settings, "name" | "client" | "journal" | "cursor" | "firstOrder">;
  readonly #folder: string;
  readonly #program: string;
  readonly #firstCursor: string;
  readonly #killed = new Set<number>();
  #generation = 0;
  #process: OwnProcess;

  constructor(name: string, redis: TcpProxy, broker: TcpProxy, round: RoundSettings, role: Role) {
    this.name = name;
    this.redis = redis;
    this.broker = broker;
    this.#folder = round.folder;
    this.#program = round.program;
    this.#firstCursor = round.cursor;
    const { seed, startedAt, mutant, forMs, jobs } = round;
    const urls = { redisUrl: withPassword(redis.url), rabbitmqUrl: withPassword(broker.url) };
    this.#settings = { role, seed, startedAt, mutant, forMs, orders: Math.ceil(jobs / ROLES.writer), ...urls };
    this.#process = this.#start();
  }

  /** Output of the processes that ended unexpectedly. */
  readonly crashes: string[] = [];

  /** Names of the processes that were killed. Calls that they had started have no end. */
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

  /** Starts the process of the next generation. */
  startNext(): void {
    this.#generation++;
    this.#process = this.#start();
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process.signal(signal);
  }

  /** Stops the load of a writer and waits until its last call has ended. */
  async stopLoad(): Promise<void> {
    if (this.#settings.role !== "writer") return;
    await this.handlesSignals();
    this.#process.signal("SIGUSR2");
    const isIdle = async () => lastLine(this.#journal(this.#generation), "idle") !== undefined;
    await waitUntil(async () => !this.#process.isRunning() || (await isIdle()), IDLE_LIMIT_MS);
  }

  /** Waits until a watcher has received the creation of the job. Returns a problem, or null. */
  async catchUp(job: string, limitMs: number): Promise<string | null> {
    if (this.#settings.role !== "watcher") return null;
    const received = async () => lastLine(this.#journal(this.#generation), "watched", `"job":"${job}"`) !== undefined;
    return (await waitUntil(received, limitMs)) ? null : `${this.name} did not catch up within ${limitMs} ms`;
  }

  /** Asks the process to close everything and to end. Returns a problem, or null. */
  async end(limitMs: number): Promise<string | null> {
    // Another fault can have stopped the process.
    this.#process.signal("SIGCONT");
    await this.handlesSignals();
    this.#process.signal("SIGTERM");
    if (await waitUntil(async () => !this.#process.isRunning(), limitMs)) {
      this.#noteCrash();
      return null;
    }
    await this.kill();
    return `${this.name} did not end within ${limitMs} ms after SIGTERM`;
  }

  /** Waits until the process handles signals. It creates its journal after it has installed the handlers. */
  async handlesSignals(): Promise<void> {
    const journal = this.#journal(this.#generation);
    await waitUntil(async () => existsSync(journal) || !this.#process.isRunning(), START_LIMIT_MS);
  }

  /** Adds a crash if the process ended without having closed everything. */
  #noteCrash(): void {
    if (this.#process.isRunning() || this.#killed.has(this.#generation)) return;
    const journal = this.#journal(this.#generation);
    const closed = existsSync(journal) && lastLine(journal, "closed") !== undefined;
    if (!closed) this.crashes.push(`${this.name} crashed: ${this.#process.output()}`);
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
      client: this.name,
      journal: this.#journal(this.#generation),
      cursor: this.#lastCursor(),
      firstOrder: this.#nextOrder(),
    };
    return spawnOwn(process.execPath, [this.#program, JSON.stringify(settings)], { cwd: this.#folder });
  }

  #journal(generation: number): string {
    return join(this.#folder, `${this.name}.${generation}.jsonl`);
  }

  /** Returns a number above those of all orders that earlier processes of a writer can have made. */
  #nextOrder(): number {
    if (this.#settings.role !== "writer") return 0;
    const orders = this.journals.flatMap((journal) =>
      [kinds.work, kinds.sent].flatMap((kind) => {
        const last = lastLine(journal, "started", `"call":"create","job":"${kind}`)?.job;
        return last === undefined || last === null ? [] : [Number(last.slice(last.lastIndexOf("-") + 1))];
      }),
    );
    return orders.length === 0 ? 0 : Math.max(...orders) + ORDER_LOOPS;
  }

  #lastCursor(): string | null {
    if (this.#settings.role !== "watcher") return null;
    for (const journal of this.journals.toReversed()) {
      const watched = lastLine(journal, "watched");
      if (watched !== undefined) return watched.cursor;
    }
    return this.#firstCursor;
  }
}

export interface RoundSettings {
  readonly seed: number;
  readonly forMs: number;
  /** Number of orders of all writers. */
  readonly jobs: number;
  readonly folder: string;
  /** Path of the program of the client processes. */
  readonly program: string;
  readonly startedAt: number;
  readonly mutant: MutantName | null;
  /** Start of the event log. */
  readonly cursor: string;
}

/** Number of clients of each role. */
const ROLES: Readonly<Record<Role, number>> = { writer: 2, worker: 4, watcher: 1 };

export async function startClients({ redis, broker }: Servers, round: RoundSettings): Promise<Client[]> {
  const clients: Client[] = [];
  for (const role of Object.keys(ROLES) as Role[]) {
    for (let n = 1; n <= ROLES[role]; n++) {
      const proxies = await Promise.all([startTcpProxy(redis), startTcpProxy(broker)]);
      clients.push(new Client(`${role}${n}`, ...proxies, round, role));
    }
  }
  return clients;
}
