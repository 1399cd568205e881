import type { Json } from "../definition.js";
import type { Health } from "../store.js";
import type { Connection } from "./connection.js";
import { reasonOf } from "./faults.js";
import type { Keys } from "./keys.js";

/** Reachable is not enough: PING says OK to a server that is full, read-only or still loading, so a write is tried. */
export async function checkHealth(
  connection: Connection,
  keys: Keys,
  timeoutMs: number,
): Promise<Omit<Health, "driver">> {
  const budget = connection.budget(timeoutMs);
  let info: ReadonlyMap<string, string>;
  let latencyMs: number;
  try {
    const begun = performance.now();
    await connection.perform((client) => client.ping(), budget);
    latencyMs = performance.now() - begun;
    info = await connection.perform(async (client) => parseInfo(await client.info()), budget);
  } catch (error) {
    return { status: "unhealthy", latencyMs: null, details: {}, warnings: [], error: reasonOf(error) };
  }
  const report = { latencyMs, details: detailsOf(info), warnings: warningsOf(info) };
  try {
    await connection.perform((client) => client.set(keys.probe, "1", "PX", 1000), budget);
    return { status: "healthy", ...report };
  } catch (error) {
    return { status: "degraded", ...report, error: `Redis answers but does not take writes: ${reasonOf(error)}` };
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
    }),
  );
}

function detailsOf(info: ReadonlyMap<string, string>): Readonly<Record<string, Json>> {
  return {
    version: info.get("redis_version") ?? null,
    mode: info.get("redis_mode") ?? null,
    role: info.get("role") ?? null,
    usedMemoryBytes: number(info, "used_memory"),
    maxMemoryBytes: number(info, "maxmemory"),
    evictionPolicy: info.get("maxmemory_policy") ?? null,
    persistence: persistenceOf(info),
  };
}

function number(info: ReadonlyMap<string, string>, field: string): number | null {
  const value = info.get(field);
  return value === undefined ? null : Number(value);
}

/** INFO tells of the append-only file; of snapshots only whether any was ever made or is due. */
function persistenceOf(info: ReadonlyMap<string, string>): Json {
  if (!info.has("aof_enabled")) return null;
  return info.get("aof_enabled") === "1" ? "append-only file" : "no append-only file";
}

function warningsOf(info: ReadonlyMap<string, string>): readonly string[] {
  const warnings: string[] = [];
  const policy = info.get("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction" && info.get("maxmemory") !== "0") {
    warnings.push(
      `The eviction policy is ${policy}: when memory is full, Redis drops jobs. Set maxmemory-policy noeviction.`,
    );
  }
  if (info.get("aof_enabled") === "0") {
    warnings.push(
      "The append-only file is off: a crash of Redis loses what was written since the last snapshot. Set appendonly yes.",
    );
  }
  return warnings;
}
