import type { RedisCommander } from "ioredis";
import type { Json } from "../definition.js";
import type { StorageHealth } from "../driver.js";
import { attendedStatuses } from "../driver-rules.js";
import { JobStoreError } from "../errors.js";
import type { Client } from "./connection.js";
import type { Keys } from "./keys.js";
import { readPauses } from "./pauses.js";
import { type ProbeResult, probePermissions } from "./permission-probe.js";
import { describeForeignKeys, describeMissing } from "./permissions.js";
import { explain, reasonOf, replyCode } from "./redis-errors.js";
import { countRejected, readOutboxState } from "./redis-outbox.js";
import type { RedisSession } from "./session.js";
import { checkFormat } from "./store-format.js";
import { timeoutsLag } from "./timeouts.js";
import { findUnattended, readWorkers } from "./workers.js";

type Answer<T> = { readonly value: T } | { readonly error: unknown };

/** Health of one server, or of one shard. */
export interface ShardHealth extends StorageHealth {
  /** Statuses that live workers name. null: unknown. */
  readonly attended: readonly string[] | null;
}

/**
 * Checks if the server replies, if it can be read and written, and if its settings may lose jobs. The check runs the commands of the
 * store, because PING succeeds on a server that is full or read-only. A call would wait for a server that is not ready, the check
 * reports it at once.
 */
export async function checkHealth(
  session: RedisSession,
  { timeoutMs, hasTimeouts }: { readonly timeoutMs: number; readonly hasTimeouts: boolean },
): Promise<ShardHealth> {
  const { connection, executor, keys, replicas } = session;
  const end = performance.now() + timeoutMs;
  const query = <T>(command: (client: Client) => Promise<T>) =>
    answerOf(executor.query(command, { end, retries: false }));
  let latencyMs: number | null = null;
  const workers = query((client) => readWorkers(client, keys, false));
  const [read, probed, replicated, server, rejected, outbox, lag, pauses, consuming, unattended, format] =
    await Promise.all([
      query(async (client) => {
        const begun = performance.now();
        await client.mget(keys.job("*")).finally(() => {
          latencyMs = Math.round((performance.now() - begun) * 100) / 100;
        });
      }),
      query((client) => probePermissions(client, keys)),
      query(async (client) => replicas?.check(client)),
      query(readDetails),
      query((client) => countRejected(client, keys)),
      query((client) => readOutboxState(client, keys)),
      query(async (client) => (hasTimeouts ? timeoutsLag(client, keys) : null)),
      query((client) => readPauses(client, keys)),
      workers,
      workers.then((found) => ("value" in found ? answerOf(findUnattended(session, found.value, end)) : found)),
      query((client) => readFormat(client, keys)),
    ]);
  const reachable = "value" in read || replyCode(read.error) !== null;
  const newer = newerFormat(format);
  const readable = "value" in read && newer === null;
  const missing = "value" in probed ? describeMissing(probed.value) : null;
  const error = reachable
    ? (newer ?? missing ?? readError(read) ?? writeError(probed) ?? replicaError(replicated))
    : `Redis cannot be reached: ${connection.isOpen ? `it has not replied within ${Math.round(timeoutMs)} ms` : connection.lastError}`;
  const { details, warnings } = valueIn(server) ?? NO_DETAILS;
  return {
    status: error === null ? "healthy" : readable ? "degraded" : "unhealthy",
    latencyMs: reachable ? latencyMs : null,
    details: { reachable, readable, writable: error === null, ...details },
    warnings,
    rejected: valueIn(rejected),
    oldestWaitMs: valueIn(outbox)?.oldestWait ?? null,
    overdueMs: valueIn(lag),
    pauses: valueIn(pauses),
    unattended: valueIn(unattended),
    attended: "value" in consuming ? attendedStatuses(consuming.value.live) : null,
    ...(error !== null && { error }),
  };
}

async function answerOf<T>(promise: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

function valueIn<T>(answer: Answer<T>): T | null {
  return "value" in answer ? answer.value : null;
}

/** Checks the format of the store without the rest of the metadata, which a health check neither needs nor creates. */
async function readFormat(client: Client, keys: Keys): Promise<void> {
  const [format] = await client.hmget(keys.metadata, "format");
  checkFormat(typeof format === "string" ? { format } : {});
}

function newerFormat(format: Answer<void>): string | null {
  return "error" in format && JobStoreError.is(format.error, "NEWER_FORMAT") ? format.error.message : null;
}

function readError(read: Answer<unknown>): string | null {
  return "value" in read ? null : `Redis replies but cannot be read: ${explain(reasonOf(read.error))}`;
}

function replicaError(replicated: Answer<unknown>): string | null {
  return "value" in replicated ? null : `waitReplicas cannot wait for replicas: ${reasonOf(replicated.error)}`;
}

function writeError(probed: Answer<ProbeResult>): string | null {
  const foreign = "value" in probed ? describeForeignKeys(probed.value) : null;
  if (foreign !== null) return foreign;
  const rejection = "value" in probed ? probed.value.writeRejection : explain(reasonOf(probed.error));
  return rejection === null ? null : `Redis can be read but rejects writes: ${rejection}`;
}

/** Details of a server, as far as the user may read them. */
interface ServerDetails {
  readonly details: Readonly<Record<string, Json>>;
  /** Human-readable descriptions of settings that may lose jobs. */
  readonly warnings: readonly string[];
}

type Settings = ReadonlyMap<string, string>;

const NO_DETAILS: ServerDetails = detailsOf(new Map(), new Map());

/** Reads INFO, and the two settings that it lacks. If the user may not read one of them, `unseen` names the command. */
async function readDetails(client: RedisCommander): Promise<ServerDetails> {
  const [info, ...settings] = await Promise.all([
    client.info().then(parseInfo, none),
    ...["save", "appendfsync"].map((name) => client.config("GET", name).then(parsePairs, none)),
  ]);
  return detailsOf(info, new Map(settings.flatMap((setting) => [...setting])));
}

function detailsOf(info: Settings, config: Settings): ServerDetails {
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

/** Returns the kinds of persistence. INFO shows the append-only file, only CONFIG shows snapshots. */
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
      ? "This server is a replica: writes fail and reads may be stale. Connect to its master."
      : "This server is a replica that has lost its master: reads may be long out of date. Connect to the master.",
  ];
}

function evictionWarnings(info: Settings): readonly string[] {
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction" || info.get("maxmemory") === "0") return [];
  const evicted = policy.startsWith("volatile-") ? "jobs that have a TTL" : "jobs, indexes and outbox messages";
  return [
    `The eviction policy is ${policy}: when memory is full, Redis deletes ${evicted}. Set maxmemory-policy noeviction.`,
  ];
}

function persistenceWarnings(info: Settings, config: Settings): readonly string[] {
  const warnings: string[] = [];
  const failed = (field: string) => info.has(field) && info.get(field) !== "ok";
  if (info.get("aof_enabled") === "0") {
    warnings.push(
      config.get("save") === ""
        ? "Redis writes nothing to disk: a restart loses all jobs. Set appendonly yes."
        : "The append-only file is off: a crash of Redis loses all writes since the last snapshot. Set appendonly yes.",
    );
  } else if (info.get("aof_enabled") === "1" && config.get("appendfsync") === "no") {
    warnings.push(
      "appendfsync is no: a power failure loses the writes of the last 30 seconds or so. Set appendfsync everysec.",
    );
  }
  if (failed("aof_last_write_status")) warnings.push("The last write to the append-only file failed. Check the disk.");
  if (failed("rdb_last_bgsave_status") && config.get("save") !== "") {
    warnings.push("The last snapshot failed. Check the disk and the log of Redis.");
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

/** Parses a reply of CONFIG GET: a name and its value. */
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
