import { randomBytes } from "node:crypto";
import type { RedisCommander } from "ioredis";
import { invalid } from "../arguments.js";
import type { StoreConfig, StoreMetadata } from "../driver.js";
import type { Executor } from "./executor.js";
import type { Keys, StatusCode, StatusTtl } from "./keys.js";
import { evaluate, scripts } from "./scripts.js";
import { checkFormat, STORE_FORMAT } from "./store-format.js";

/**
 * Maximum number of bytes of stored records in one script or one reply, or one record if that is larger. The server runs
 * no other command during that time. The same number is in lua/includes/script-bytes.lua; see docs/decisions/0016.
 */
export const MAX_SCRIPT_BYTES = 2_097_152;

/** Upper bound for the size of a record if the metadata contains none. The largest page of such records fits into one reply. */
export const DEFAULT_LARGEST = 2048;

/** Maximum number of combinations of status and TTL under one key prefix. Scores are integers below 2^53: code · 10^13 + ms. */
const MAX_CODES = 900;

/**
 * Metadata of one store: the codes of its statuses, and its indexed fields. Codes never change, so services with other TTLs, or with
 * an older definition, add their own. The revision changes with every addition, and with metadata that is created again after the
 * server lost its data. Scripts reject a caller that knows another revision.
 */
export interface IndexMetadata {
  readonly revision: string;
  readonly codes: readonly StatusCode[];
  /** Index fields of all definitions that have used this key prefix. */
  readonly fields: readonly string[];
  /** Upper bound for the size of a stored record or message, in bytes. Scripts raise it, with a new revision; see lua/includes/end-write.lua. */
  readonly largest: number;
  /** True if a claim had a limit, so that work states can belong to it. The claim sets it, with a new revision; see lua/write/claim.lua. */
  readonly limits: boolean;
  /** Status codes that this store writes. */
  readonly ownCodes: ReadonlyMap<string, StatusCode>;
}

/**
 * Reads the fields of the metadata at a key. The command is in upper case because an application can give the replies of `hgetall`
 * another form: `Command.setReplyTransformer` affects every client of its copy of ioredis, by the name in lower case.
 */
export async function readMetadata(client: RedisCommander, key: string): Promise<Readonly<Record<string, string>>> {
  const reply = (await client.call("HGETALL", key)) as readonly string[];
  return Object.fromEntries(reply.flatMap((name, n) => (n % 2 === 0 ? [[name, reply[n + 1] ?? ""]] : [])));
}

/** Converts the fields of the hash. */
export function metadataIn(stored: Readonly<Record<string, string>>): StoreMetadata {
  return {
    definition: JSON.parse(stored.definition ?? '""'),
    statuses: new Map(parseCodes(stored.codes).map(({ status, ttlMs }) => [status, ttlMs])),
    fields: parseNames(stored.fields),
    description: stored.description ?? null,
  };
}

/**
 * Reads the metadata of a store, and adds the codes and fields that this store needs.
 * @param others further statuses that get codes
 * @throws JobStoreError NEWER_FORMAT, INVALID_ARGUMENT, UNAVAILABLE
 */
export async function loadMetadata(
  { executor, keys }: { readonly executor: Executor; readonly keys: Keys },
  config: StoreConfig,
  shards: number,
  end: number,
  others: readonly StatusTtl[] = [],
): Promise<IndexMetadata> {
  const set = (values: readonly (string | number)[], options: { readonly end?: number } = {}) =>
    executor.query((client) => evaluate(client, scripts.setMetadata, [keys.metadata, keys.events], values), options);
  for (;;) {
    const stored = await executor.query((client) => readMetadata(client, keys.metadata), { end });
    checkFormat(stored);
    checkCompatible(stored, config, shards);
    const codes = parseCodes(stored.codes);
    const missing = missingCodes(codes, [...config.statuses.map((status) => statusTtl(config, status)), ...others]);
    const statuses = union(parseNames(stored.statuses), config.statuses);
    const indexed = parseNames(stored.fields);
    const fields = union(indexed, config.fields);
    const callMs = Math.max(Number(stored.callMs ?? 0), executor.timeoutMs);
    const isSame = stored.format === String(STORE_FORMAT) && stored.callMs === String(callMs);
    const complete = missing.length === 0 && fields.length === indexed.length && isSame;
    if (stored.revision !== undefined && complete) {
      if (config.description !== null && config.description !== stored.description) {
        // Only tools read the description, so no call waits for it or fails with it. The revision stays, because the codes do.
        set([stored.revision, "description", config.description]).catch(() => undefined);
      }
      const largest = Number(stored.largest ?? DEFAULT_LARGEST);
      const limits = stored.limits === "1";
      return { revision: stored.revision, codes, fields, largest, limits, ownCodes: ownCodes(codes, config) };
    }
    if (codes.length + missing.length > MAX_CODES) {
      return invalid(
        `"${config.definition}" would have ${codes.length + missing.length} combinations of status and TTL under this keyPrefix, ` +
          `but the limit is ${MAX_CODES}. Use the TTLs of earlier releases, or another keyPrefix.`,
      );
    }
    const grown = [...codes, ...missing].map(({ status, ttlMs }) => [status, ttlMs]);
    const values = [
      stored.revision ?? "",
      ...["revision", randomBytes(6).toString("hex")],
      ...["format", STORE_FORMAT],
      ...["definition", JSON.stringify(config.definition)],
      ...["shards", shards],
      // Scripts keep the ids of operations for as long as the longest call takes.
      ...["callMs", callMs],
      ...["statuses", JSON.stringify(statuses)],
      ...["codes", JSON.stringify(grown)],
      ...(fields.length === 0 ? [] : ["fields", JSON.stringify(fields)]),
      ...(config.description === null ? [] : ["description", config.description]),
      ...(stored.revision === undefined ? ["log", randomBytes(6).readUIntBE(0, 6), "events", 0] : []),
    ];
    await set(values, { end });
  }
}

/** A definition may add or remove statuses. One that does both is rejected as another definition. */
function checkCompatible(stored: Readonly<Record<string, string>>, config: StoreConfig, shards: number): void {
  if (stored.revision === undefined) return;
  if (stored.definition !== JSON.stringify(config.definition)) {
    invalid(
      `This keyPrefix already contains jobs of ${stored.definition}. Use another keyPrefix for "${config.definition}".`,
    );
  }
  if (stored.shards !== String(shards)) {
    invalid(
      `"${config.definition}" was created with ${stored.shards} shards under this keyPrefix, but this driver has ${shards}. ` +
        `The number cannot be changed: set shards: ${stored.shards}, or use another keyPrefix.`,
    );
  }
  const recorded = parseNames(stored.statuses);
  const removed = recorded.filter((status) => !config.statuses.includes(status));
  const added = config.statuses.filter((status) => !recorded.includes(status));
  if (removed.length > 0 && added.length > 0) {
    invalid(
      `The stored definition of "${config.definition}" has the statuses ${recorded.join(", ")}, but this one has ` +
        `${config.statuses.join(", ")}. Add and remove statuses in separate releases, or use another keyPrefix.`,
    );
  }
}

function parseCodes(text: string | undefined): readonly StatusCode[] {
  const pairs: readonly [string, number][] = text === undefined ? [] : JSON.parse(text);
  return pairs.map(([status, ttlMs], code) => ({ code, status, ttlMs }));
}

function parseNames(text: string | undefined): readonly string[] {
  return text === undefined ? [] : JSON.parse(text);
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])];
}

function statusTtl(config: StoreConfig, status: string): StatusTtl {
  return { status, ttlMs: config.ttlMs.get(status) ?? 0 };
}

/** Returns the code of a status with this TTL. */
export function codeOf<M extends StatusTtl>(codes: readonly M[], { status, ttlMs }: StatusTtl): M | undefined {
  return codes.find((code) => code.status === status && code.ttlMs === ttlMs);
}

/** Returns the needed pairs of status and TTL that have no code, each once. */
function missingCodes(codes: readonly StatusTtl[], needed: readonly StatusTtl[]): readonly StatusTtl[] {
  const missing: StatusTtl[] = [];
  for (const one of needed) {
    if (codeOf(codes, one) === undefined && codeOf(missing, one) === undefined) missing.push(one);
  }
  return missing;
}

function ownCodes(codes: readonly StatusCode[], config: StoreConfig): ReadonlyMap<string, StatusCode> {
  const own = new Map<string, StatusCode>();
  for (const status of config.statuses) {
    const code = codeOf(codes, statusTtl(config, status));
    if (code !== undefined) own.set(status, code);
  }
  return own;
}
