import { checkOptions, invalid, type KeysOf } from "../arguments.js";
import { type JobStoreError, unavailable } from "../errors.js";
import type { Client, Deadline, RedisConnection } from "./connection.js";
import type { Executor } from "./executor.js";
import { asPattern, type Keys, tagOf } from "./keys.js";
import { AUDIT_COMMANDS, COMMANDS, type ProbeResult, type ProbeSet, probePermissions } from "./permission-probe.js";

/** Permissions that a Redis user needs. */
export interface RedisPermissions {
  /** Commands, in lower case. Calls fail if one of them is missing. */
  readonly commands: readonly string[];
  /** Patterns of the keys. */
  readonly keys: readonly string[];
  /** Both in the form of ACL SETUSER: `~job:* ~jobs:* +del +eval …` */
  readonly rule: string;
  /** Commands for optional features, each with a description of the feature. They are not part of the rule. */
  readonly optional: Readonly<Record<string, string>>;
}

/**
 * Returns the permissions that a Redis user of `redisDriver` needs at least, for an access control list:
 *
 * ```ts
 * const { rule } = redisPermissions({ keyPrefix: "subtitles:" });
 * console.log(`ACL SETUSER subtitles on >${password} ${rule} +info`);
 * ```
 *
 * A store checks all of them on each new connection, before its first write. The error (UNAVAILABLE) and `health` name missing
 * permissions, and no job is changed partly. Permissions that are removed later are found by the first call that needs them, and
 * scripts do not roll back: change permissions while no store is connected.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function redisPermissions(
  options: {
    /** Key prefix of the driver. @default "" */
    readonly keyPrefix?: string | undefined;
    /** True for a Redis Cluster. Create the user on each node. @default false */
    readonly cluster?: boolean | undefined;
    /**
     * True to include the permissions of `audit`. It runs SCAN, which shows the names of all keys of the server, also of keys that
     * the patterns exclude. A running service does not need it: use a separate user.
     * @default false
     */
    readonly audit?: boolean | undefined;
  } = {},
): RedisPermissions {
  checkOptions(options, PERMISSION_OPTIONS, "redisPermissions");
  const { keyPrefix = "", cluster = false, audit = false } = options;
  const prefix = asPattern(keyPrefix) + (cluster ? tagOf("*") : "");
  const keys = [`${prefix}job:*`, `${prefix}jobs:*`];
  const called = audit ? AUDIT_COMMANDS : COMMANDS;
  const commands = cluster ? [...called, ...CLUSTER_COMMANDS].sort() : called;
  return {
    commands,
    keys,
    rule: [...keys.map((key) => `~${key}`), ...commands.map((command) => `+${command}`)].join(" "),
    optional: {
      info: "health shows version, role, memory and persistence, and warns of settings that can lose jobs",
      "config|get": "health shows how the server writes to its disk. The command also shows the server's passwords",
      select: "a database other than 0",
      wait: "option waitReplicas of the driver",
      "client|setname": "option connectionName of the driver",
    },
  };
}

const PERMISSION_OPTIONS: KeysOf<NonNullable<Parameters<typeof redisPermissions>[0]>> = {
  keyPrefix: true,
  cluster: true,
  audit: true,
};

/** Commands that find the nodes, and follow a key that moves between them. */
const CLUSTER_COMMANDS = ["asking", "cluster|slots"];

/** Checks once per connection that its user may run every command that the driver runs. */
export class PermissionCheck {
  readonly #executor: Executor;
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #probeSet: ProbeSet;
  #passedEpoch = -1;

  constructor(executor: Executor, connection: RedisConnection, keys: Keys, probeSet: ProbeSet = "calls") {
    this.#executor = executor;
    this.#connection = connection;
    this.#keys = keys;
    this.#probeSet = probeSet;
  }

  get passed(): boolean {
    return this.#passedEpoch === this.#connection.epoch;
  }

  /** @throws JobStoreError UNAVAILABLE if permissions are missing, INVALID_ARGUMENT if another application uses the keys */
  async check({ end, indeterminate }: Deadline): Promise<void> {
    let epoch = -1;
    const probe = (client: Client) => {
      epoch = this.#connection.epoch;
      return probePermissions(client, this.#keys, this.#probeSet);
    };
    const result = await this.#executor.query(probe, { end });
    const missing = describeMissing(result);
    if (missing !== null) throw unavailable(`${missing}.`, indeterminate);
    const foreign = describeForeignKeys(result);
    if (foreign !== null) invalid(`${foreign}.`);
    // A server that is full or read-only rejects the call itself.
    if (result.writeRejection === null) this.#passedEpoch = epoch;
  }

  /**
   * Describes a denial or an unknown command. Redis before 7.2 does not name the command or key that it denies to a script.
   * Later calls check again.
   */
  async explain(reason: string, call: Deadline): Promise<JobStoreError> {
    const result = await this.#probeAgain(call);
    const missing = result === null ? null : describeMissing(result);
    return unavailable(`${missing ?? `Redis returned an error: ${reason}`}.`, call.indeterminate);
  }

  /** Describes the foreign keys that caused a WRONGTYPE error. Later calls check again. */
  async explainWrongType(reason: string, call: Deadline): Promise<JobStoreError> {
    const result = await this.#probeAgain(call);
    const foreign = result === null ? null : describeForeignKeys(result);
    return unavailable(`${foreign ?? `Redis returned an error: ${reason}`}.`, call.indeterminate);
  }

  /** Returns null if the probe failed. */
  async #probeAgain({ end }: Deadline): Promise<ProbeResult | null> {
    this.#passedEpoch = -1;
    const probe = (client: Client) => probePermissions(client, this.#keys, this.#probeSet);
    return this.#executor.query(probe, { end, retries: false }).catch(() => null);
  }
}

/** Describes missing commands or permissions, and the remedy. Returns null if none is missing. */
export function describeMissing({ unknown, commands, keys }: ProbeResult): string | null {
  if (unknown.length > 0) {
    const names = unknown.map((name) => name.toUpperCase()).join(", ");
    return (
      `Redis does not know the command ${names}, which the driver needs. ` +
      "Remove rename-command from its configuration, or use another server"
    );
  }
  if (commands.length + keys.length === 0) return null;
  const names = [
    ...commands.map((name) => `the command ${name.toUpperCase()}`),
    ...keys.map((key) => `the key ${key}`),
  ];
  const grants = [...commands.map((name) => `+${name}`), ...keys.map((key) => `~${patternOf(key)}`)];
  return (
    `The Redis user lacks permissions: ${names.join(", ")}. ` +
    `Run ACL SETUSER with ${grants.join(" ")}; redisPermissions() returns the complete rule`
  );
}

/** Returns the pattern of a probed key. The `*` at its end matches all ids. */
function patternOf(key: string): string {
  return key.endsWith("*") ? `${asPattern(key.slice(0, -1))}*` : asPattern(key);
}

/** Describes keys of the driver that contain values of another application. Returns null if there are none. */
export function describeForeignKeys({ foreign }: ProbeResult): string | null {
  if (foreign.length === 0) return null;
  const names = `${foreign.length === 1 ? "key" : "keys"} ${foreign.join(", ")}`;
  return (
    `Another application has written the ${names}: the type is not that of this driver. Use another keyPrefix, or delete the ` +
    (foreign.length === 1 ? "key" : "keys")
  );
}
