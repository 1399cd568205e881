import { versionOf } from "../definition.js";
import type { Envelope } from "../driver.js";
import { decodePayload, parseBody } from "../payload.js";
import { jobIdOfPayload, type WorkerSettings } from "./options.js";

/** Time for which a message of a newer version waits for a newer worker, after a worker received it first. */
const NEWER_VERSION_MS = 900_000;
/** Time for which a message waits that cannot be examined now. */
export const POSTPONED_MS = 10_000;

/** Request for a job. */
export interface Request {
  readonly jobId: string;
  /** Payload as parsed by the queue's schema. */
  readonly payload: unknown;
}

/** Message as a worker reads it. */
export type ReadMessage =
  | { readonly kind: "request"; readonly request: Request }
  /** The message is postponed, or its payload has a newer version than this worker knows. */
  | { readonly kind: "early"; readonly waitMs: number }
  | { readonly kind: "unreadable"; readonly problem: string };

/** Reads a message: decodes its payload, and finds the job that it names. */
export function readMessage(
  { queue, jobId }: Pick<WorkerSettings, "queue" | "jobId">,
  envelope: Envelope,
): ReadMessage {
  const now = Date.now();
  const { since, until } = envelope.postponed ?? { since: now, until: now };
  if (until > now) return { kind: "early", waitMs: until - now };
  const newer = envelope.unreadable === undefined && envelope.version > versionOf(queue);
  if (newer && now - since < NEWER_VERSION_MS) return { kind: "early", waitMs: POSTPONED_MS };
  const decoded = decodePayload(queue, envelope);
  if ("problem" in decoded) return { kind: "unreadable", problem: decoded.problem };
  try {
    const id = jobId(decoded.payload);
    if (typeof id === "string") return { kind: "request", request: { jobId: id, payload: decoded.payload } };
    return { kind: "unreadable", problem: "The payload names no job: `jobId` is not a string." };
  } catch {
    return { kind: "unreadable", problem: "The payload names no job: the option `jobId` threw an error." };
  }
}

/** Returns the id of the job that a message names, also if its payload cannot be read; null if there is none. */
export function namedJob(settings: Pick<WorkerSettings, "queue" | "jobId">, envelope: Envelope): string | null {
  const message = readMessage(settings, envelope);
  if (message.kind === "request") return message.request.jobId;
  try {
    const id = jobIdOfPayload(parseBody(envelope.body));
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}
