import type { Origin } from "./driver.js";

/** Names that an origin has in addition to the change: the store's definition, the queue and the job. */
interface Names {
  readonly definition: string;
  readonly queue: string;
  readonly jobId: string;
}

/** Returns the text of an origin. It is one JSON array, so that names can contain any character. */
export function originText({ definition, queue, jobId }: Names, origin: Origin): string {
  const { createdAt, attempt, version, dueAt } = origin;
  return JSON.stringify([queue, definition, jobId, createdAt, attempt, version, dueAt]);
}

/**
 * Returns the id of the job whose store wrote the text of an origin. null: the text is no origin.
 *
 * @param definition Name of the definition of the store. Others do not count. @default any
 */
export function jobOfOrigin(text: string | undefined, definition?: string): string | null {
  const [, ofDefinition, jobId] = valuesOf(text) ?? [];
  const isOther = definition !== undefined && ofDefinition !== definition;
  return typeof jobId === "string" && !isOther ? jobId : null;
}

/** Reads the text of an origin. Returns null if another store or another job has stored the message, or if the text is no origin. */
export function readOrigin(text: string | undefined, { definition, jobId }: Omit<Names, "queue">): Origin | null {
  const values = valuesOf(text);
  if (values === null) return null;
  const [queue, ofDefinition, ofJob, createdAt, attempt, version, dueAt] = values;
  if (typeof queue !== "string" || ofDefinition !== definition || ofJob !== jobId) return null;
  if (![createdAt, attempt, version, dueAt].every((value) => Number.isSafeInteger(value))) return null;
  return { createdAt, attempt, version, dueAt } as Origin;
}

/** Parses the array of an origin. Returns null if the text is no origin. */
function valuesOf(text: string | undefined): readonly unknown[] | null {
  if (text === undefined) return null;
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) && values.length === 7 ? values : null;
  } catch {
    return null;
  }
}
