import { checkOptions, type KeysOf } from "../arguments.js";
import { AUDIT_COMMANDS, COMMANDS } from "./probe.js";
import { tagOf } from "./sharded-storage.js";

/** What a Redis user has to be granted. */
export interface RedisPermissions {
  /** Commands, in lower case. Without any one of them something fails. */
  readonly commands: readonly string[];
  /** Patterns of the keys. */
  readonly keys: readonly string[];
  /** Both, as ACL SETUSER takes them: `~job:* ~jobs:* +del +eval …` */
  readonly rule: string;
  /** Commands that nothing fails without, each with what it is good for. They are not part of the rule. */
  readonly optional: Readonly<Record<string, string>>;
}

/**
 * The least that a Redis user of `redisDriver` must be allowed, for an access control list:
 *
 * ```ts
 * const { rule } = redisPermissions({ keyPrefix: "subtitles:" });
 * console.log(`ACL SETUSER subtitles on >${password} ${rule} +info`);
 * ```
 *
 * A store tries all of it on each new connection, before its first write: what is missing is named by the error
 * (UNAVAILABLE) and by health, and no job is left half-written. Permissions that are taken away while a store is
 * connected are only found out by a call that needs them, and scripts do not roll back: change them between connections.
 */
export function redisPermissions(
  options: {
    /** That of the driver. @default "" */
    readonly keyPrefix?: string | undefined;
    /** For a Redis Cluster, on each node of which the user has to be made. @default false */
    readonly cluster?: boolean | undefined;
    /**
     * Also for `audit`, which goes through the keys of the server: its SCAN shows the names of all of them, also those that
     * the patterns leave out. So it is not part of what a running service needs; give it to a user of its own.
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
      info: "health tells version, role, memory and persistence, and warns of settings that can lose jobs",
      "config|get":
        "health knows how the server writes to its disk. It can also be used to read the server's passwords",
      select: "a database other than 0",
      wait: "waitReplicas of the driver, which fails without it",
      "client|setname": "connectionName in CLIENT LIST",
    },
  };
}

const PERMISSION_OPTIONS: KeysOf<NonNullable<Parameters<typeof redisPermissions>[0]>> = {
  keyPrefix: true,
  cluster: true,
  audit: true,
};

/** To find the nodes, and to follow a key that is moving between them. */
const CLUSTER_COMMANDS = ["asking", "cluster|slots"];

/**
 * Returns an ACL pattern that matches a text. A rule cannot contain white space, which separates rules, or NUL. Each byte of
 * these becomes `?`, which matches any byte.
 */
export function asPattern(text: string): string {
  return text.replace(/[*?[\]\\]/g, "\\$&").replace(/[\s\0]/g, (character) => "?".repeat(Buffer.byteLength(character)));
}
