import { checkId, checkKeys, type KeysOf } from "../arguments.js";
import { encodeWhole } from "../codec.js";
import type { JobDefinition, Json } from "../definition.js";
import type { StoreShape, WholeJob } from "../driver.js";
import { isError } from "../is-error.js";
import type { Job } from "../job.js";
import { readRecord } from "../redis/read-record.js";
import type { RedisStorage } from "../redis/redis-storage.js";
import type { LegacyJob, LegacyMap } from "./legacy-map.js";

/** What is to become of one value. */
export type Verdict =
  | { readonly kind: "takenOver"; readonly job: WholeJob }
  | { readonly kind: "alreadyTakenOver" }
  | { readonly kind: "expired" }
  | { readonly kind: "problem"; readonly reason: string };

/**
 * @param text what is stored
 * @param now by the server's clock
 */
export function judge<D extends JobDefinition>(
  map: LegacyMap<D>,
  shape: StoreShape,
  id: string,
  text: string,
  now: number,
): Verdict {
  if (!("kind" in readRecord(id, text))) return { kind: "alreadyTakenOver" };
  try {
    const job = encodeWhole(map.job, jobOf(map, checkId(id), parseJson(text)), shape.historyLimit);
    const ttlMs = shape.ttlMs.get(job.status) ?? 0;
    return ttlMs > 0 && job.statusAt + ttlMs < now ? { kind: "expired" } : { kind: "takenOver", job };
  } catch (error) {
    return { kind: "problem", reason: isError(error) ? error.message : "the map threw no error" };
  }
}

/** Carries a verdict out in one atomic step; null: meanwhile the value has changed or its time run out. */
export async function carryOut(
  storage: RedisStorage,
  id: string,
  text: string,
  verdict: Verdict,
): Promise<Verdict | null> {
  if (verdict.kind === "expired") return (await storage.drop(id, text)) ? verdict : null;
  if (verdict.kind !== "takenOver") return verdict;
  const reply = await storage.takeOver(verdict.job, text);
  if (reply.kind === "tooLarge") {
    return { kind: "problem", reason: `it would take ${reply.bytes} bytes, more than maxRecordBytes` };
  }
  return reply.kind === "saved" ? verdict : null;
}

const LEGACY_JOB_KEYS: KeysOf<LegacyJob<JobDefinition>> = {
  status: true,
  data: true,
  progress: true,
  result: true,
  error: true,
  createdAt: true,
  updatedAt: true,
  note: true,
};

/** The history begins with what is known: that the job stood in this status then. */
function jobOf<D extends JobDefinition>(map: LegacyMap<D>, id: string, value: Json): Job<D> {
  const job = checkKeys(map.read(value, id), LEGACY_JOB_KEYS, "the job of the map");
  const { status, data, progress, result, error, createdAt, updatedAt = createdAt, note } = job;
  const entry = { from: null, to: status, at: updatedAt, version: 1, by: "importLegacyJobs", note };
  // Of the parts' types only the inputs are known here; encodeWhole holds each against its schema.
  return {
    ...{ id, status, data, version: 1, attempt: 1 },
    ...{ progress: progress ?? null, result: result ?? null, error: error ?? null },
    ...{ createdAt, updatedAt, statusAt: updatedAt, expiresAt: null, history: [entry] },
  } as unknown as Job<D>;
}

/** @throws Error without the text, which V8 would repeat */
function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
}
