import { $ZodNull, type $ZodType, type input, type output } from "zod/v4/core";
import { JobStoreError } from "./errors.js";

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

/** A schema whose parsed output is JSON and parses again to itself (no Date, no one-way transform). */
export type Storable<S extends $ZodType> =
  output<S> extends JsonOnly<output<S>> ? (output<S> extends input<S> ? S : never) : never;

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
}

/** A kind of job: what it carries and how it moves. Made by `defineJob`. */
export interface JobDefinition {
  readonly name: string;
  readonly data: $ZodType;
  readonly result: $ZodType;
  readonly progress: $ZodType;
  readonly initial: string;
  readonly statuses: { readonly [status: string]: StatusRule };
}

export type StatusOf<D extends JobDefinition> = keyof D["statuses"] & string;
export type DataOf<D extends JobDefinition> = output<D["data"]>;
export type ResultOf<D extends JobDefinition> = output<D["result"]>;
export type ProgressOf<D extends JobDefinition> = output<D["progress"]>;

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
 * @throws JobStoreError INVALID_ARGUMENT when `next` names an unknown status or `initial` is unknown (both are also
 *   compile errors), when the name or a status is empty or longer than 128 characters, or when a TTL is no duration.
 */
export function defineJob<
  D extends $ZodType,
  const T extends { readonly [K in keyof T]: StatusRule<keyof T & string> & NoExtraKeys<T[K]> },
  const N extends string,
  const I extends keyof T & string,
  R extends $ZodType = $ZodType<null>,
  P extends $ZodType = $ZodType<null>,
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
  readonly statuses: T;
}): {
  readonly name: N;
  readonly data: D;
  readonly result: R;
  readonly progress: P;
  readonly initial: I;
  readonly statuses: T;
} {
  checkLifecycle(definition.name, definition.initial, definition.statuses as JobDefinition["statuses"]);
  const none = new $ZodNull({ type: "null" });
  return Object.freeze({
    name: definition.name,
    data: definition.data as D,
    // Where no schema is given, the type parameter is its default: $ZodType<null>, which `none` is.
    result: (definition.result ?? none) as R,
    progress: (definition.progress ?? none) as P,
    initial: definition.initial,
    statuses: definition.statuses,
  });
}

function checkLifecycle(name: unknown, initial: string, statuses: JobDefinition["statuses"]): void {
  const refuse = (message: string): never => {
    throw new JobStoreError("INVALID_ARGUMENT", `Job definition ${JSON.stringify(name)}: ${message}`);
  };
  if (typeof name !== "string" || name === "" || name.length > 128)
    refuse("its name must be 1 to 128 characters long.");
  if (typeof statuses !== "object" || statuses === null) refuse("`statuses` must be a table of status rules.");
  const known = new Set(Object.keys(statuses));
  for (const [status, rule] of Object.entries(statuses)) {
    if (status === "" || status.length > 128) refuse("a status must be 1 to 128 characters long.");
    if (!Array.isArray(rule?.next)) refuse(`status "${status}" must list in \`next\` what may follow it.`);
    const stranger = rule.next.find((next) => !known.has(next));
    if (stranger !== undefined) refuse(`status "${status}" names "${stranger}" in \`next\`, which is no status of it.`);
    if (!isTtl(rule.ttlSeconds ?? 0)) refuse(`the ttlSeconds of "${status}" must be ${TTL_RANGE}.`);
  }
  if (!known.has(initial)) refuse(`its initial status "${initial}" is none of its statuses.`);
}

const MAX_TTL_SECONDS = 100 * 366 * 24 * 3600;

export const TTL_RANGE = `a number of seconds from 0 (for ever) to ${MAX_TTL_SECONDS} (a hundred years)`;

export function isTtl(seconds: unknown): seconds is number {
  return typeof seconds === "number" && seconds >= 0 && seconds <= MAX_TTL_SECONDS;
}
