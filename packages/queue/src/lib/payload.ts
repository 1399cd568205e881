import { type input, type output, safeParse } from "zod/v4/core";
import type { QueueDefinition } from "./definition.js";
import type { Envelope } from "./driver.js";
import { QueueError } from "./errors.js";
import { lift } from "./evolution.js";
import { isError } from "./is-error.js";
import { describeIssues } from "./issues.js";
import { whyNotJson } from "./json.js";
import { byteLength } from "./text.js";

/** What RabbitMQ 4 takes by default. A larger message would cost its neighbours their channel. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * A payload as the queue's schema gives it back, and its JSON text.
 *
 * @throws QueueError INVALID_PAYLOAD
 */
export function encodePayload<Q extends QueueDefinition>(
  queue: Q,
  payload: input<Q["payload"]>,
  messageId?: string,
): { readonly payload: output<Q["payload"]>; readonly body: string } {
  const parsed = parse(queue, payload);
  if ("fault" in parsed) return refuse(queue, parsed.fault, messageId);
  const fault = whyNotJson(parsed.payload);
  if (fault !== null) return refuse(queue, `it holds ${fault}, which JSON cannot carry`, messageId);
  const body = JSON.stringify(parsed.payload);
  // A UTF-16 code unit takes at most 3 bytes in UTF-8, so most texts need not be measured.
  const bytes = body.length * 3 > MAX_BODY_BYTES ? byteLength(body) : 0;
  if (bytes > MAX_BODY_BYTES) {
    return refuse(queue, `its ${bytes} bytes are more than the ${MAX_BODY_BYTES} that a message may have`, messageId);
  }
  return { payload: parsed.payload, body };
}

/**
 * Reads what arrived, lifted to the queue's version first where it is older. A fault is an answer here, not an error: the
 * message goes to the dead letters with it.
 */
export function decodePayload<Q extends QueueDefinition>(
  queue: Q,
  { body, unreadable, version }: Pick<Envelope, "body" | "unreadable" | "version">,
): { readonly payload: output<Q["payload"]> } | { readonly fault: string } {
  if (unreadable !== undefined) return { fault: unreadable };
  let value: unknown;
  try {
    // Some clients put a byte order mark first. It is not part of JSON.
    value = JSON.parse(body.startsWith("\uFEFF") ? body.slice(1) : body);
  } catch {
    return { fault: "The body is not JSON." };
  }
  const lifted = lift(queue, value, version);
  if ("fault" in lifted) return { fault: `The payload cannot be read. ${lifted.fault}` };
  const parsed = parse(queue, lifted.payload);
  return "fault" in parsed ? { fault: `The payload was refused: ${parsed.fault}.` } : parsed;
}

function refuse(queue: QueueDefinition, fault: string, messageId: string | undefined): never {
  throw new QueueError("INVALID_PAYLOAD", `The payload for queue "${queue.name}" was refused: ${fault}.`, {
    queue: queue.name,
    messageId,
  });
}

function parse<Q extends QueueDefinition>(
  queue: Q,
  value: unknown,
): { readonly payload: output<Q["payload"]> } | { readonly fault: string } {
  try {
    const result = safeParse<Q["payload"]>(queue.payload, value);
    if (result.success) return { payload: result.data };
    return { fault: describeIssues(result.error.issues) };
  } catch (error) {
    // A value that is too deep or contains itself overflows the stack of a recursive schema; schemas must be synchronous.
    return { fault: error instanceof RangeError ? "it is nested too deeply" : `its schema threw ${nameOf(error)}` };
  }
}

/** Only the name: what a schema throws may quote the payload. */
function nameOf(error: unknown): string {
  return isError(error) ? error.name : typeof error;
}
