import type { RedisCommander } from "ioredis";
import { invalid } from "../arguments.js";
import { unavailable } from "../errors.js";
import type { Connection } from "./connection.js";
import type { Keys } from "./keys.js";
import type { Budget } from "./line.js";
import { asPattern } from "./permissions.js";
import { type Findings, type Trial, tryEverything } from "./probe.js";

/** Finds out on each new connection, once for all calls, whether its user may do what the driver is going to do. */
export class PermissionCheck {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #trial: Trial;
  #passedOn = -1;
  #running: Promise<Findings> | undefined;

  constructor(connection: Connection, keys: Keys, trial: Trial = "calls") {
    this.#connection = connection;
    this.#keys = keys;
    this.#trial = trial;
  }

  get passed(): boolean {
    return this.#passedOn === this.#connection.generation;
  }

  /** @throws JobStoreError UNAVAILABLE naming what is missing, INVALID_ARGUMENT naming what is in the way */
  async pass(client: RedisCommander, budget: Budget): Promise<void> {
    const { generation } = this.#connection;
    this.#running ??= tryEverything(client, this.#keys, this.#trial).finally(() => {
      this.#running = undefined;
    });
    const findings = await this.#running;
    const lacking = missing(findings);
    if (lacking !== null) throw unavailable(`${lacking}.`, budget.doubtful);
    const foreign = foreignKeys(findings);
    if (foreign !== null) invalid(`${foreign}.`);
    // A server that is full or read-only says so to the call itself.
    if (findings.refusal === null) this.#passedOn = generation;
  }

  /**
   * Describes a denial or an unknown command. Redis before 7.2 does not name the command or key that it denies to a script.
   * Later calls check again.
   */
  async explain(words: string, budget: Budget): Promise<string> {
    this.#passedOn = -1;
    try {
      const findings = await this.#connection.ask((client) => tryEverything(client, this.#keys, this.#trial), budget);
      return `${missing(findings) ?? words}.`;
    } catch {
      return `Redis rejected a command: ${words}.`;
    }
  }
}

/** Describes missing commands or permissions, and how to provide them; null if none is missing. */
export function missing({ unknown, commands, keys }: Findings): string | null {
  if (unknown.length > 0) {
    const names = unknown.map((name) => name.toUpperCase()).join(", ");
    return (
      `Redis does not know the command ${names}, which the driver needs. ` +
      "Remove rename-command from its configuration, or use another server"
    );
  }
  if (commands.length + keys.length === 0) return null;
  const what = [...commands.map((name) => `the command ${name.toUpperCase()}`), ...keys.map((key) => `the key ${key}`)];
  const grants = [...commands.map((name) => `+${name}`), ...keys.map((key) => `~${patternOf(key)}`)];
  return `The Redis user lacks permissions: ${what.join(", ")}. Grant ${grants.join(" ")}; redisPermissions() has the whole list`;
}

/** The pattern of a key that was tried. The `*` at its end matches all ids. */
function patternOf(key: string): string {
  return key.endsWith("*") ? `${asPattern(key.slice(0, -1))}*` : asPattern(key);
}

/** What is in the way of the driver's own keys; null: nothing. */
export function foreignKeys({ foreign }: Findings): string | null {
  if (foreign.length === 0) return null;
  return `Under ${foreign.join(", ")} is something that this driver did not write. Remove it, or use another key prefix`;
}
