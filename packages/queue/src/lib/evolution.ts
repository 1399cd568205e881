import { $ZodError } from "zod/v4/core";
import { RESERVED_HEADER_PREFIX } from "./arguments.js";
import type { QueueDefinition } from "./definition.js";
import { isError } from "./is-error.js";
import { describeIssues } from "./issues.js";

/** Each lifts a payload from the version it is listed under to the next: `1` makes version 2 of version 1. */
export type Upcasts = Readonly<Record<number, (old: unknown) => unknown>>;

/** Travels beside every payload; where it is missing the payload is of version 1. */
export const VERSION_HEADER = `${RESERVED_HEADER_PREFIX}version`;
/** Far beyond any real one, and short enough for a header. */
export const LATEST_VERSION = 999_999_999;

export function versionOf(queue: QueueDefinition): number {
  return queue.version ?? 1;
}

/** A payload of any version, step by step, as the queue's present version has it; not yet parsed by its schema. */
export function lift(
  queue: QueueDefinition,
  payload: unknown,
  from: number,
): { readonly payload: unknown } | { readonly fault: string } {
  const present = versionOf(queue);
  if (from > present) return { fault: `It is of version ${from}, and the latest known here is ${present}.` };
  let lifted = payload;
  for (let version = from; version < present; version++) {
    const upcast = queue.upcast?.[version];
    if (upcast === undefined) {
      return { fault: `It is of version ${from}, and there is no upcast from version ${version}.` };
    }
    try {
      lifted = upcast(lifted);
    } catch (error) {
      return { fault: `The upcast from version ${version} ${describeThrown(error)}.` };
    }
  }
  return { payload: lifted };
}

/** What it threw may quote the payload, so only zod's issues and the names of other errors are passed on. */
function describeThrown(error: unknown): string {
  if (error instanceof $ZodError) return `refused it: ${describeIssues(error.issues)}`;
  return `threw ${isError(error) ? error.name : typeof error}`;
}
