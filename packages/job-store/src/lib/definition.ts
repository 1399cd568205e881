import { $ZodNull, type $ZodType, type input, type output } from "zod/v4/core";
import { JobStoreError } from "./errors.js";

/** What JSON can carry, as it is before and after. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** T where it is JSON all the way down, interfaces included; a Date, function, Map, bigint or symbol in it becomes never. */
export type JsonOnly<T> = [T] extends [Json]
  ? T // Also what ends the recursion for a T that is, or contains, Json itself.
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends
          | bigint
          | symbol
          | Date
          | ((...args: never) => unknown)
          | ReadonlyMap<unknown, unknown>
          | ReadonlySet<unknown>
      ? never
      : { readonly [K in keyof T]: JsonOnly<T[K]> };

/** Type that no schema has. The compiler's error message quotes it, and with it the reason. */
export interface NotStorable<Why extends string> {
  /** Reason why the schema is rejected. */
  readonly "not storable": Why;
}

/** The schema itself if its parsed output is JSON and parses again to itself (no Date, no one-way transform). */
export type Storable<S extends $ZodType> =
  output<S> extends JsonOnly<output<S>>
    ? output<S> extends input<S>
      ? S
      : NotStorable<"its output must be a valid input of the same schema: no one-way transform">
    : NotStorable<"its output must be JSON: no Date, Map, function or unknown (z.json() instead)">;

/** What holds for a job while it is in one status. */
export interface StatusRule<S extends string = string> {
  /** Statuses that may follow this one. Naming the status itself allows re-entry (a redelivered task). */
  readonly next: readonly S[];
  /** No worker acts on a job in this status; leaving it begins the next attempt. @default false */
  readonly final?: boolean | undefined;
  /**
   * How long the job is kept once it enters this status, in seconds; fractions down to a millisecond count.
   * 0 or absent: for ever.
   */
  readonly ttlSeconds?: number | undefined;
  /**
   * How many jobs are kept in this status, 1 or more: past it, those that entered it first are deleted, and watchers see
   * it. That happens beside the writes, which do not wait for it, and keeps the number to within 1 % and 200 of this.
   * On one server, fewer are never kept. On a cluster each shard keeps its share, rounded up, so that fewer may be kept if
   * there are few jobs. @default no limit
   */
  readonly maxCount?: number | undefined;
}

/** A kind of job: what it carries and how it moves. Made by `defineJob`. */
export interface JobDefinition {
  /** What the store is called where it is recorded. */
  readonly name: string;
  /** What a job carries from its creation on. */
  readonly data: $ZodType;
  /** What a finished job produced; where `defineJob` was given none, always null. */
  readonly result: $ZodType;
  /** How far the work has come; where `defineJob` was given none, always null. */
  readonly progress: $ZodType;
  /** The status of a new job. */
  readonly initial: string;
  /** The lifecycle: each status with what holds in it. */
  readonly statuses: { readonly [status: string]: StatusRule };
  /** Fields that jobs can be found by, each with what a job's data has there; null and undefined: not found by it. */
  readonly index?: { readonly [field: string]: (data: never) => string | null | undefined } | undefined;
}

/** The names of its statuses. */
export type StatusOf<D extends JobDefinition> = keyof D["statuses"] & string;
/** What its jobs carry. */
export type DataOf<D extends JobDefinition> = output<D["data"]>;
/** What a finished job of it produced. */
export type ResultOf<D extends JobDefinition> = output<D["result"]>;
/** How far the work on a job of it has come. */
export type ProgressOf<D extends JobDefinition> = output<D["progress"]>;
/** The fields of its `index`. */
export type FieldOf<D extends JobDefinition> = keyof NonNullable<D["index"]> & string;

/** Statuses reachable in one step from every member of F. */
export type NextOf<D extends JobDefinition, F extends StatusOf<D>> = (
  F extends unknown
    ? (to: D["statuses"][F]["next"][number]) => void
    : never
) extends (to: infer To) => void
  ? To & StatusOf<D>
  : never;

/** A rule may not carry a key that `StatusRule` does not know: a misspelt `ttlSecond` would keep jobs for ever. */
type NoExtraKeys<Rule> = { readonly [X in Exclude<keyof Rule, keyof StatusRule>]: never };

/**
 * Declares a kind of job. Pure: opens nothing.
 *
 * @throws JobStoreError INVALID_ARGUMENT if
 * - the definition has an unknown key
 * - `data`, `result` or `progress` is not a zod 4 schema
 * - `next` or `initial` names an unknown status
 * - the name or a status is empty or longer than 128 characters
 * - a `ttlSeconds` is not a valid duration, or a `maxCount` is not a valid number
 * - a field of `index` has an invalid name or no function
 *
 * The first three are also compile errors.
 */
export function defineJob<
  D extends $ZodType,
  const T extends { readonly [K in keyof T]: StatusRule<keyof T & string> & NoExtraKeys<T[K]> },
  const N extends string,
  const I extends keyof T & string,
  R extends $ZodType = $ZodType<null>,
  P extends $ZodType = $ZodType<null>,
  X extends string = never,
>(definition: {
  /** What the store is called where it is recorded; one definition per key prefix. 1–128 characters. */
  readonly name: N;
  /** What a job carries from its creation on. */
  readonly data: D & Storable<D>;
  /** What a finished job produced. @default always null */
  readonly result?: (R & Storable<R>) | undefined;
  /** How far the work has come. @default always null */
  readonly progress?: (P & Storable<P>) | undefined;
  /** The status of a new job. */
  readonly initial: I;
  /** The lifecycle: each status (1–128 characters) with what holds in it. */
  readonly statuses: T;
  /**
   * Fields that `list({ where })` finds jobs by: of each its name (1–64 of A–Z a–z 0–9 . _ -; at most 16 of them) and
   * what a job has there, from its data: 1–256 characters, or null or undefined where it is not to be found by it.
   * Anything else, an error too, is INVALID_DATA. Asked when a job is created and saved, and when it is listed by the
   * field, so it must depend on nothing but the data.
   */
  readonly index?: { readonly [K in X]: (data: output<D>) => string | null | undefined } | undefined;
}): {
  readonly name: N;
  readonly data: D;
  readonly result: R;
  readonly progress: P;
  readonly initial: I;
  readonly statuses: T;
  readonly index: { readonly [K in X]: (data: output<D>) => string | null | undefined };
} {
  checkKeys(definition);
  const none = new $ZodNull({ type: "null" });
  // A default applies to undefined only: null is checked, and rejected.
  const { result = none, progress = none, index = {} } = definition;
  const complete = {
    name: definition.name,
    data: definition.data as D,
    // Where no schema is given, the type parameter is its default: $ZodType<null>, which `none` is.
    result: result as R,
    progress: progress as P,
    initial: definition.initial,
    statuses: definition.statuses,
    // Where no index is given, X is never, which {} has.
    index: index as { readonly [K in X]: (data: output<D>) => string | null | undefined },
  };
  checkDefinition(complete as JobDefinition);
  return Object.freeze(complete);
}

/** Checks a complete definition. `createJobStore` calls it too, because a caller may spread a definition and change it. */
export function checkDefinition({ name, data, result, progress, initial, statuses, index }: JobDefinition): void {
  for (const [field, schema] of Object.entries({ data, result, progress })) checkSchema(name, field, schema);
  checkLifecycle(name, initial, statuses);
  checkIndex(name, index);
}

function reject(name: unknown, message: string): never {
  throw new JobStoreError("INVALID_ARGUMENT", `Job definition ${JSON.stringify(name)}: ${message}`);
}

const DEFINITION_KEYS: ReadonlySet<string> = new Set([
  "name",
  "data",
  "result",
  "progress",
  "initial",
  "statuses",
  "index",
] satisfies (keyof JobDefinition)[]);

/** Rejects an unknown key: a misspelt `progres` would be ignored, and each later call of `updateProgress` would fail. */
function checkKeys(definition: { readonly name: unknown }): void {
  if (typeof definition !== "object" || definition === null || Array.isArray(definition)) {
    throw new JobStoreError(
      "INVALID_ARGUMENT",
      "defineJob requires an object with the keys name, data, initial and statuses.",
    );
  }
  const unknown = Object.keys(definition).find((key) => !DEFINITION_KEYS.has(key));
  if (unknown === undefined) return;
  reject(definition.name, `unknown key "${unknown}". A job definition has ${[...DEFINITION_KEYS].join(", ")}.`);
}

/** Rejects a schema of zod 3 and of other libraries: with one of these, each later call of `create` would fail. */
function checkSchema(name: unknown, field: string, schema: unknown): void {
  if (typeof schema === "object" && schema !== null && "_zod" in schema) return;
  reject(name, `\`${field}\` must be a zod 4 schema. Schemas of zod 3 and of other libraries are not supported.`);
}

/** A misspelt `ttlSecond` would keep jobs for ever, and say nothing. */
const RULE_KEYS: ReadonlySet<string> = new Set([
  "next",
  "final",
  "ttlSeconds",
  "maxCount",
] satisfies (keyof StatusRule)[]);

function checkLifecycle(name: unknown, initial: string, statuses: JobDefinition["statuses"]): void {
  if (typeof name !== "string" || name === "" || name.length > 128)
    reject(name, "its name must be 1 to 128 characters long.");
  if (typeof statuses !== "object" || statuses === null) reject(name, "`statuses` must be a table of status rules.");
  const known = new Set(Object.keys(statuses));
  for (const [status, rule] of Object.entries(statuses)) {
    if (status === "" || status.length > 128) reject(name, "a status must be 1 to 128 characters long.");
    const misspelt = Object.keys(rule ?? {}).find((key) => !RULE_KEYS.has(key));
    if (misspelt !== undefined) {
      reject(name, `status "${status}" has "${misspelt}", which no rule has; a rule has ${[...RULE_KEYS].join(", ")}.`);
    }
    if (!Array.isArray(rule?.next)) reject(name, `status "${status}" must list in \`next\` what may follow it.`);
    const stranger = rule.next.find((next) => !known.has(next));
    if (stranger !== undefined)
      reject(name, `status "${status}" names "${stranger}" in \`next\`, which is no status of it.`);
    if (!isTtl(rule.ttlSeconds ?? 0)) reject(name, `the ttlSeconds of "${status}" must be ${TTL_RANGE}.`);
    const { maxCount = 1 } = rule;
    if (!(Number.isSafeInteger(maxCount) && maxCount >= 1)) {
      reject(name, `the maxCount of "${status}" must be a whole number of 1 or more.`);
    }
  }
  if (!known.has(initial)) reject(name, `its initial status "${initial}" is none of its statuses.`);
}

const FIELD = /^[A-Za-z0-9._-]{1,64}$/;
const MAX_FIELDS = 16;

function checkIndex(name: unknown, index: unknown): void {
  if (index === undefined) return;
  if (typeof index !== "object" || index === null) reject(name, "`index` must be a table of functions.");
  const fields = Object.entries(index as object);
  if (fields.length > MAX_FIELDS) reject(name, `it has ${fields.length} indexed fields, more than ${MAX_FIELDS}.`);
  for (const [field, select] of fields) {
    if (!FIELD.test(field)) reject(name, "the name of an indexed field must be 1 to 64 of A–Z a–z 0–9 . _ -");
    if (typeof select !== "function") reject(name, `the indexed field "${field}" must be a function of the data.`);
  }
}

const MAX_TTL_SECONDS = 100 * 366 * 24 * 3600;

export const TTL_RANGE = `a number of seconds from 0 (for ever) to ${MAX_TTL_SECONDS} (a hundred years)`;

export function isTtl(seconds: unknown): seconds is number {
  return typeof seconds === "number" && seconds >= 0 && seconds <= MAX_TTL_SECONDS;
}
