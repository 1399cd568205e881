import { $ZodNull, type $ZodType, type input, type output } from "zod/v4/core";
import { JobStoreError } from "./errors.js";
import { RULE_KEYS, type StatusRule, sendsFault, timeoutFault } from "./status-rule.js";

/** Value that JSON can represent. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * Resolves to T if T is JSON at every depth. Interfaces are accepted. A Date, function, Map, Set, bigint or symbol inside T
 * becomes never.
 */
export type JsonOnly<T> = [T] extends [Json]
  ? T // Ends the recursion for a T that is, or contains, Json itself.
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

/**
 * Resolves to S if the output of the schema is JSON and parsing it again returns the same value (no Date, no one-way
 * transform).
 */
export type Storable<S extends $ZodType> =
  output<S> extends JsonOnly<output<S>>
    ? output<S> extends input<S>
      ? S
      : NotStorable<"its output must be a valid input of the same schema: no one-way transform">
    : NotStorable<"its output must be JSON: no Date, Map, function or unknown (z.json() instead)">;

/** Definition of one type of job: its schemas and its lifecycle. Made by `defineJob`. */
export interface JobDefinition {
  /** Name of the job type. It is stored next to the jobs. */
  readonly name: string;
  /** Schema of the data, with which a job is created. */
  readonly data: $ZodType;
  /** Schema of the result of a finished job. It accepts only null if `defineJob` was called without one. */
  readonly result: $ZodType;
  /** Schema of the progress of the work. It accepts only null if `defineJob` was called without one. */
  readonly progress: $ZodType;
  /** Status of a new job. */
  readonly initial: string;
  /** Lifecycle: each status with its rules. */
  readonly statuses: { readonly [status: string]: StatusRule };
  /** Index fields: for each name, the function that returns the index value for the data of a job, or null or undefined for none. */
  readonly index?: { readonly [field: string]: (data: never) => string | null | undefined } | undefined;
}

/** Status of a job of this definition. */
export type StatusOf<D extends JobDefinition> = keyof D["statuses"] & string;
/** Data of a job of this definition. */
export type DataOf<D extends JobDefinition> = output<D["data"]>;
/** Result of a job of this definition. */
export type ResultOf<D extends JobDefinition> = output<D["result"]>;
/** Progress of a job of this definition. */
export type ProgressOf<D extends JobDefinition> = output<D["progress"]>;
/** Name of an index field of this definition. */
export type FieldOf<D extends JobDefinition> = keyof NonNullable<D["index"]> & string;

/** Statuses that can directly follow every status in F. */
export type NextOf<D extends JobDefinition, F extends StatusOf<D>> = (
  F extends unknown
    ? (to: D["statuses"][F]["next"][number]) => void
    : never
) extends (to: infer To) => void
  ? To & StatusOf<D>
  : never;

/** Statuses in which a worker can hold a job: not final, and listed in their own `next`. */
export type WorkingOf<D extends JobDefinition> = {
  [S in StatusOf<D>]: S extends NextOf<D, S> ? (D["statuses"][S]["final"] extends true ? never : S) : never;
}[StatusOf<D>];
/** Statuses from which a worker can claim a job into `W`: not final, and leading to `W`. */
export type FromOf<D extends JobDefinition, W extends StatusOf<D>> = {
  [S in StatusOf<D>]: W extends NextOf<D, S> ? (D["statuses"][S]["final"] extends true ? never : S) : never;
}[StatusOf<D>];

/** Rejects an unknown key in a rule: with a misspelt `ttlSecond`, jobs would never expire. */
type NoExtraKeys<Rule> = { readonly [X in Exclude<keyof Rule, keyof StatusRule>]: never };

/**
 * Declares a type of job. Pure function: opens no connection.
 *
 * @throws JobStoreError INVALID_ARGUMENT if
 * - the definition has an unknown key
 * - `data`, `result` or `progress` is not a zod 4 schema
 * - `next`, `timeoutTo` or `initial` names an unknown status
 * - the name or a status is empty or longer than 128 characters
 * - a `ttlSeconds` is not a valid duration, or a `maxCount` is not a valid number
 * - a `timeoutSeconds` is not a valid time, or its status is final, or has no `timeoutTo`, or one that is not final and sends nothing
 * - a message in `sends` has an invalid queue, or a field that `index` does not have
 * - a field of `index` has an invalid name or no function
 *
 * The first three are also compile errors.
 */
export function defineJob<
  D extends $ZodType,
  const T extends { readonly [K in keyof T]: StatusRule<keyof T & string, X> & NoExtraKeys<T[K]> },
  const N extends string,
  const I extends keyof T & string,
  R extends $ZodType = $ZodType<null>,
  P extends $ZodType = $ZodType<null>,
  X extends string = never,
>(definition: {
  /** Name of the job type, 1–128 characters. It is stored next to the jobs. A key prefix belongs to one job type. */
  readonly name: N;
  /** Schema of the data, with which a job is created. */
  readonly data: D & Storable<D>;
  /** Schema of the result of a finished job. @default a schema that accepts only null */
  readonly result?: (R & Storable<R>) | undefined;
  /** Schema of the progress of the work. @default a schema that accepts only null */
  readonly progress?: (P & Storable<P>) | undefined;
  /** Status of a new job. */
  readonly initial: I;
  /** Lifecycle: each status (1–128 characters) with its rules. */
  readonly statuses: T;
  /**
   * Index fields, at most 16, by which `list({ where })` finds jobs. A name has 1–64 characters of A–Z a–z 0–9 . _ -
   * Each function returns the index value for the data of a job: 1–256 characters, or null or undefined if the job has none.
   * If it returns anything else or throws, the call fails with INVALID_DATA. It is called when a job is created, saved or
   * listed by the field, so its result must depend only on the data.
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
  // A default applies to undefined only. null is checked, and rejected.
  const { result = none, progress = none, index = {} } = definition;
  const complete = {
    name: definition.name,
    data: definition.data as D,
    // Without a schema, the type parameter has its default, $ZodType<null>, which is the type of `none`.
    result: result as R,
    progress: progress as P,
    initial: definition.initial,
    statuses: definition.statuses,
    // Without an index, X is never, and {} has this type.
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
  for (const [status, rule] of Object.entries(statuses)) {
    const fault = timeoutFault(status, rule, statuses) ?? sendsFault(status, rule.sends, index);
    if (fault !== null) reject(name, fault);
  }
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

/** Rejects a schema of zod 3 and of other libraries. With such a schema, each later call of `create` would fail. */
function checkSchema(name: unknown, field: string, schema: unknown): void {
  if (typeof schema === "object" && schema !== null && "_zod" in schema) return;
  reject(name, `\`${field}\` must be a zod 4 schema. Schemas of zod 3 and of other libraries are not supported.`);
}

function checkLifecycle(name: unknown, initial: string, statuses: JobDefinition["statuses"]): void {
  if (typeof name !== "string" || name === "" || name.length > 128)
    reject(name, "`name` must be 1 to 128 characters long.");
  if (typeof statuses !== "object" || statuses === null)
    reject(name, "`statuses` must be an object with a rule for each status.");
  const known = new Set(Object.keys(statuses));
  for (const [status, rule] of Object.entries(statuses)) {
    if (status === "" || status.length > 128) reject(name, "the name of a status must be 1 to 128 characters long.");
    const misspelt = Object.keys(rule ?? {}).find((key) => !RULE_KEYS.has(key));
    if (misspelt !== undefined) {
      reject(name, `unknown key "${misspelt}" in status "${status}". Allowed keys: ${[...RULE_KEYS].join(", ")}.`);
    }
    if (!Array.isArray(rule?.next)) reject(name, `\`next\` of status "${status}" must be an array of statuses.`);
    const unknown = rule.next.find((next) => !known.has(next));
    if (unknown !== undefined) reject(name, `\`next\` of status "${status}" contains the unknown status "${unknown}".`);
    if (!isTtl(rule.ttlSeconds ?? 0)) reject(name, `\`ttlSeconds\` of status "${status}" must be ${TTL_RANGE}.`);
    const { maxCount = 1 } = rule;
    if (!(Number.isSafeInteger(maxCount) && maxCount >= 1)) {
      reject(name, `\`maxCount\` of status "${status}" must be an integer of 1 or more.`);
    }
  }
  if (!known.has(initial)) reject(name, `\`initial\` is "${initial}", which is not defined in \`statuses\`.`);
}

/** Name of an index field. */
const FIELD = /^[A-Za-z0-9._-]{1,64}$/;
/** Maximum number of index fields. */
const MAX_FIELDS = 16;

function checkIndex(name: unknown, index: unknown): void {
  if (index === undefined) return;
  if (typeof index !== "object" || index === null)
    reject(name, "`index` must be an object with a function for each field.");
  const fields = Object.entries(index as object);
  if (fields.length > MAX_FIELDS) reject(name, `\`index\` has ${fields.length} fields, limit ${MAX_FIELDS}.`);
  for (const [field, compute] of fields) {
    if (!FIELD.test(field)) reject(name, "the name of an index field must be 1 to 64 characters of A–Z a–z 0–9 . _ -");
    if (typeof compute !== "function") reject(name, `\`index.${field}\` must be a function that receives the data.`);
  }
}

/** Maximum TTL of a status: 100 years. */
const MAX_TTL_SECONDS = 100 * 366 * 24 * 3600;

export const TTL_RANGE = `a number of seconds from 0 (no expiry) to ${MAX_TTL_SECONDS} (100 years)`;

export function isTtl(seconds: unknown): seconds is number {
  return typeof seconds === "number" && seconds >= 0 && seconds <= MAX_TTL_SECONDS;
}
