import { randomBytes } from "node:crypto";
import type { RedisCommander } from "ioredis";
import { invalid } from "../arguments.js";
import type { StoreMetadata, StoreShape } from "../driver.js";
import type { Connection } from "./connection.js";
import type { Keys } from "./keys.js";
import { SMALL } from "./limits.js";
import type { Budget } from "./line.js";
import { evaluate, scripts } from "./scripts.js";

/** What a code of the index stands for: a status together with how long a job is kept in it. */
export interface Meaning {
  readonly status: string;
  /** 0: for ever. */
  readonly ttlMs: number;
}

export interface Code extends Meaning {
  readonly code: number;
}

/** Scores are code · 2^42 + ms and must stay whole numbers below 2^53. */
const MOST_CODES = 2048;

/**
 * The map of one store: which definition lives under the prefix, its codes and its indexed fields. Codes are given out once and for ever,
 * so services with other TTLs, or an older definition, add theirs and disturb nobody's. The edition changes with every
 * addition, and with a map made anew after the server lost its data; scripts refuse a caller who knows another one.
 */
export interface CodeMap {
  readonly edition: string;
  readonly codes: readonly Code[];
  /** Every field that any definition has declared here. */
  readonly fields: readonly string[];
  /** Bound in bytes for the size of a stored record or message. Scripts raise it, with a new edition; see lua/touch.lua. */
  readonly largest: number;
  /** The code this store writes for a status. */
  readonly own: ReadonlyMap<string, Code>;
}

/**
 * Reads the fields of the map at a key. The command is in upper case because an application can give the replies of `hgetall`
 * another form: `Command.setReplyTransformer` affects every client of its copy of ioredis, by the name in lower case.
 */
export async function readMap(client: RedisCommander, key: string): Promise<Readonly<Record<string, string>>> {
  const reply = (await client.call("HGETALL", key)) as readonly string[];
  return Object.fromEntries(reply.flatMap((name, n) => (n % 2 === 0 ? [[name, reply[n + 1] ?? ""]] : [])));
}

/** Returns the metadata in the fields of a map. */
export function metadataIn(stored: Readonly<Record<string, string>>): StoreMetadata {
  return {
    definition: JSON.parse(stored.definition ?? '""'),
    statuses: new Map(parseCodes(stored.codes).map(({ status, ttlMs }) => [status, ttlMs])),
    fields: parseNames(stored.fields),
    description: stored.description ?? null,
  };
}

/**
 * Reads the map, and adds what this store needs of it.
 * @param others what is to have codes besides
 * @throws JobStoreError INVALID_ARGUMENT, UNAVAILABLE
 */
export async function loadCodeMap(
  { connection, keys }: { readonly connection: Connection; readonly keys: Keys },
  shape: StoreShape,
  shards: number,
  budget: Budget,
  others: readonly Meaning[] = [],
): Promise<CodeMap> {
  for (;;) {
    const stored = await connection.perform((client) => readMap(client, keys.map), budget);
    checkFit(stored, shape, shards);
    const codes = parseCodes(stored.codes);
    const missing = lacking(codes, [...shape.statuses.map((status) => meaningIn(shape, status)), ...others]);
    const statuses = union(parseNames(stored.statuses), shape.statuses);
    const indexed = parseNames(stored.fields);
    const fields = union(indexed, shape.fields);
    if (stored.edition !== undefined && missing.length === 0 && fields.length === indexed.length) {
      if (shape.description !== null && shape.description !== stored.description) {
        // For tools only: no call waits for it or fails with it. Codes stay, so the edition does, too.
        const description = [stored.edition, "description", shape.description];
        connection
          .perform((client) => evaluate(client, scripts.map, [keys.map, keys.events], description), connection.budget())
          .catch(() => undefined);
      }
      const largest = Number(stored.largest ?? SMALL);
      return { edition: stored.edition, codes, fields, largest, own: ownCodes(codes, shape) };
    }
    if (codes.length + missing.length > MOST_CODES) {
      return invalid(
        `"${shape.definition}" has had more than ${MOST_CODES} combinations of status and TTL; use another key prefix.`,
      );
    }
    const grown = [...codes, ...missing].map(({ status, ttlMs }) => [status, ttlMs]);
    await connection.perform(
      (client) =>
        evaluate(
          client,
          scripts.map,
          [keys.map, keys.events],
          [
            stored.edition ?? "",
            ...["edition", randomBytes(6).toString("hex")],
            ...["definition", JSON.stringify(shape.definition)],
            ...["shards", shards],
            ...["statuses", JSON.stringify(statuses)],
            ...["codes", JSON.stringify(grown)],
            ...(fields.length === 0 ? [] : ["fields", JSON.stringify(fields)]),
            ...(shape.description === null ? [] : ["description", shape.description]),
            ...(stored.edition === undefined ? ["log", randomBytes(6).readUIntBE(0, 6), "events", 0] : []),
          ],
        ),
      budget,
    );
  }
}

/** A definition may gain or lose statuses over time; one that has done both against what is recorded is another one. */
function checkFit(stored: Readonly<Record<string, string>>, shape: StoreShape, shards: number): void {
  if (stored.edition === undefined) return;
  if (stored.definition !== JSON.stringify(shape.definition)) {
    invalid(
      `Under this key prefix live jobs of ${stored.definition}; "${shape.definition}" needs a key prefix of its own.`,
    );
  }
  if (stored.shards !== String(shards)) {
    invalid(
      `Under this key prefix "${shape.definition}" is stored in ${stored.shards} shards, and this driver has ${shards}.`,
    );
  }
  const recorded = parseNames(stored.statuses);
  const lacking = recorded.filter((status) => !shape.statuses.includes(status));
  const added = shape.statuses.filter((status) => !recorded.includes(status));
  if (lacking.length > 0 && added.length > 0) {
    invalid(
      `Under this key prefix "${shape.definition}" is recorded with the statuses ${recorded.join(", ")}; ` +
        `this definition has ${shape.statuses.join(", ")}. Add or remove statuses in separate releases, or use another key prefix.`,
    );
  }
}

function parseCodes(text: string | undefined): readonly Code[] {
  const pairs: readonly [string, number][] = text === undefined ? [] : JSON.parse(text);
  return pairs.map(([status, ttlMs], code) => ({ code, status, ttlMs }));
}

function parseNames(text: string | undefined): readonly string[] {
  return text === undefined ? [] : JSON.parse(text);
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])];
}

function meaningIn(shape: StoreShape, status: string): Meaning {
  return { status, ttlMs: shape.ttlMs.get(status) ?? 0 };
}

function find<M extends Meaning>(codes: readonly M[], { status, ttlMs }: Meaning): M | undefined {
  return codes.find((code) => code.status === status && code.ttlMs === ttlMs);
}

/** What has no code yet, each once. */
function lacking(codes: readonly Meaning[], meanings: readonly Meaning[]): readonly Meaning[] {
  const missing: Meaning[] = [];
  for (const meaning of meanings) {
    if (find(codes, meaning) === undefined && find(missing, meaning) === undefined) missing.push(meaning);
  }
  return missing;
}

function ownCodes(codes: readonly Code[], shape: StoreShape): ReadonlyMap<string, Code> {
  const own = new Map<string, Code>();
  for (const status of shape.statuses) {
    const code = find(codes, meaningIn(shape, status));
    if (code !== undefined) own.set(status, code);
  }
  return own;
}
