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

/** Reads the text of an origin. Returns null if another store or another job has stored the message, or if the text is no origin. */
export function readOrigin(text: string | undefined, { definition, jobId }: Omit<Names, "queue">): Origin | null {
  if (text === undefined) return null;
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(values) || values.length !== 7) return null;
  const [queue, ofDefinition, ofJob, createdAt, attempt, version, dueAt] = values as readonly unknown[];
  if (typeof queue !== "string" || ofDefinition !== definition || ofJob !== jobId) return null;
  if (![createdAt, attempt, version, dueAt].every((value) => Number.isSafeInteger(value))) return null;
  return { createdAt, attempt, version, dueAt } as Origin;
}
