import type { RedisCommander } from "ioredis";
import type { Json } from "../definition.js";

/** What a server tells about itself, as far as the user may ask. */
export interface ServerState {
  readonly details: Readonly<Record<string, Json>>;
  /** In plain words: what in its settings may lose jobs. */
  readonly warnings: readonly string[];
}

type Settings = ReadonlyMap<string, string>;

export const NOTHING_SEEN: ServerState = stateOf(new Map(), new Map());

/** INFO, and the two settings that it leaves out. A user need be allowed neither; what could not be seen is named. */
export async function serverState(client: RedisCommander): Promise<ServerState> {
  const [info, ...settings] = await Promise.all([
    client.info().then(parseInfo, none),
    ...["save", "appendfsync"].map((name) => client.config("GET", name).then(parsePairs, none)),
  ]);
  return stateOf(info, new Map(settings.flatMap((setting) => [...setting])));
}

function stateOf(info: Settings, config: Settings): ServerState {
  const unseen = [...(info.size === 0 ? ["INFO"] : []), ...(config.size === 0 ? ["CONFIG GET"] : [])];
  return {
    details: {
      version: info.get("valkey_version") ?? info.get("redis_version") ?? null,
      mode: info.get("redis_mode") ?? info.get("server_mode") ?? null,
      role: info.get("role") ?? null,
      usedMemoryBytes: numberIn(info, "used_memory"),
      maxMemoryBytes: numberIn(info, "maxmemory"),
      evictionPolicy: info.get("maxmemory_policy") ?? null,
      persistence: persistenceOf(info, config),
      ...(unseen.length > 0 && { unseen }),
    },
    warnings: [...roleWarnings(info), ...evictionWarnings(info), ...persistenceWarnings(info, config)],
  };
}

/** Both are known by INFO whether they are on, snapshots only by CONFIG. */
function persistenceOf(info: Settings, config: Settings): string | null {
  if (!info.has("aof_enabled") && !config.has("save")) return null;
  const kept: string[] = [];
  const fsync = config.get("appendfsync");
  if (info.get("aof_enabled") === "1") kept.push(`append-only file${fsync === undefined ? "" : ` (fsync ${fsync})`}`);
  if ((config.get("save") ?? "") !== "") kept.push("snapshots");
  if (!config.has("save")) kept.push("snapshots unknown");
  return kept.join(", ") || "none";
}

function roleWarnings(info: Settings): readonly string[] {
  if (info.get("role") !== "slave") return [];
  return [
    info.get("master_link_status") === "up"
      ? "This server is a replica: it takes no writes, and may answer with what is a moment old. Connect to its master."
      : "This server is a replica that has lost its master: what it answers may be long out of date.",
  ];
}

function evictionWarnings(info: Settings): readonly string[] {
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction" || info.get("maxmemory") === "0") return [];
  const victims = policy.startsWith("volatile-")
    ? "jobs that have a TTL"
    : "jobs, and the indexes and messages beside them";
  return [
    `The eviction policy is ${policy}: when memory is full, Redis drops ${victims}. Set maxmemory-policy noeviction.`,
  ];
}

function persistenceWarnings(info: Settings, config: Settings): readonly string[] {
  const warnings: string[] = [];
  const failed = (field: string) => info.has(field) && info.get(field) !== "ok";
  if (info.get("aof_enabled") === "0") {
    warnings.push(
      config.get("save") === ""
        ? "Nothing is written to disk: a restart of Redis loses every job. Set appendonly yes."
        : "The append-only file is off: a crash of Redis loses what was written since the last snapshot. Set appendonly yes.",
    );
  } else if (info.get("aof_enabled") === "1" && config.get("appendfsync") === "no") {
    warnings.push(
      "appendfsync is no: a power cut loses what the operating system had yet to write, half a minute of it. Set appendfsync everysec.",
    );
  }
  if (failed("aof_last_write_status"))
    warnings.push("The last write to the append-only file failed. Look at the disk.");
  if (failed("rdb_last_bgsave_status") && config.get("save") !== "") {
    warnings.push("The last snapshot failed. Look at the disk and the log of Redis.");
  }
  return warnings;
}

function parseInfo(text: string): Settings {
  return new Map(
    text.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
    }),
  );
}

/** Name and value. */
function parsePairs(reply: unknown): Settings {
  const [name, value] = reply as readonly [string?, string?];
  return new Map(name === undefined ? [] : [[name, value ?? ""]]);
}

function none(): Settings {
  return new Map();
}

function numberIn(info: Settings, field: string): number | null {
  const value = info.get(field);
  return value === undefined ? null : Number(value);
}
