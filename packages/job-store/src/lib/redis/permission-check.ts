import { invalid } from "../arguments.js";
import { type JobStoreError, unavailable } from "../errors.js";
import type { Client, Deadline, RedisConnection } from "./connection.js";
import type { Executor } from "./executor.js";
import type { Keys } from "./keys.js";
import { asPattern } from "./permissions.js";
import { type Findings, type Trial, tryEverything } from "./probe.js";

/** Checks once per connection whether its user may run every command that the driver runs. */
export class PermissionCheck {
  readonly #executor: Executor;
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #trial: Trial;
  #passedEpoch = -1;

  constructor(executor: Executor, connection: RedisConnection, keys: Keys, trial: Trial = "calls") {
    this.#executor = executor;
    this.#connection = connection;
    this.#keys = keys;
    this.#trial = trial;
  }

  get passed(): boolean {
    return this.#passedEpoch === this.#connection.epoch;
  }

  /** @throws JobStoreError UNAVAILABLE naming what is missing, INVALID_ARGUMENT naming foreign keys */
  async check({ end, indeterminate }: Deadline): Promise<void> {
    let epoch = -1;
    const probe = (client: Client) => {
      epoch = this.#connection.epoch;
      return tryEverything(client, this.#keys, this.#trial);
    };
    const findings = await this.#executor.query(probe, { end });
    const lacking = missing(findings);
    if (lacking !== null) throw unavailable(`${lacking}.`, indeterminate);
    const foreign = foreignKeys(findings);
    if (foreign !== null) invalid(`${foreign}.`);
    // A server that is full or read-only rejects the call itself.
    if (findings.refusal === null) this.#passedEpoch = epoch;
  }

  /**
   * Describes a denial or an unknown command. Redis before 7.2 does not name the command or key that it denies to a script.
   * Later calls check again.
   */
  async explain(reason: string, call: Deadline): Promise<JobStoreError> {
    const findings = await this.#probeAgain(call);
    const lacking = findings === null ? null : missing(findings);
    return unavailable(`${lacking ?? `Redis rejected a command: ${reason}`}.`, call.indeterminate);
  }

  /** Describes the foreign keys that caused a WRONGTYPE error. Later calls check again. */
  async explainWrongType(reason: string, call: Deadline): Promise<JobStoreError> {
    const findings = await this.#probeAgain(call);
    const foreign = findings === null ? null : foreignKeys(findings);
    return unavailable(`${foreign ?? `Redis refused the call: ${reason}`}.`, call.indeterminate);
  }

  /** Returns null if the probe failed. */
  async #probeAgain({ end }: Deadline): Promise<Findings | null> {
    this.#passedEpoch = -1;
    const probe = (client: Client) => tryEverything(client, this.#keys, this.#trial);
    return this.#executor.query(probe, { end, retries: false }).catch(() => null);
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
