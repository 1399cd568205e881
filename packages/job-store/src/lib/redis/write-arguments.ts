import type { ChangeMetadata, ClaimRequest, NewJob, Origin, OutgoingMessage, StatusUpdate, Target } from "../driver.js";
import { changeMetadataText, line, statusLines } from "./record-text.js";

export type Argument = string | number;

/** Returns what a job must have, as lua/includes/expectations.lua describes it. Empty: anything. */
export function expectations({ version, createdAt, status, idleSince }: Target): string {
  const text = `${version ?? ""} ${createdAt ?? ""} ${idleSince ?? ""} ${status === undefined ? "" : JSON.stringify(status)}`;
  return text === "   " ? "" : text;
}

/** Returns the end of a history entry: the operation and the metadata of the change. */
export function entryText(operation: string, metadata: ChangeMetadata): string {
  return `"${operation}"${changeMetadataText(metadata)}`;
}

/** Returns the arguments that claims with the same target, queue, lease and limit have in common. */
export function sharedByClaims({ from, leaseMs, message, limit }: ClaimRequest): readonly Argument[] {
  const limitArg = limit === undefined ? "" : `${limit.field} ${limit.max}`;
  return [statusLines(from), leaseMs, JSON.stringify(message.queue), limitArg];
}

/** Returns the options of a change, as lua/write/update-status.lua describes them. */
export function changeOptions({ handled, failedAttempt, withoutRecord, leaseMs }: StatusUpdate): string {
  const letters = `${handled === true ? "h" : ""}${failedAttempt === true ? "f" : ""}${withoutRecord === true ? "q" : ""}`;
  return leaseMs === undefined ? letters : `${letters}l${leaseMs}`;
}

/** Returns an origin as lua/includes/requests.lua describes it. */
export function originArg(origin: Origin | null): string {
  if (origin === null) return "";
  const { createdAt, attempt, version, dueAt } = origin;
  return `${createdAt} ${attempt} ${version} ${dueAt}`;
}

/** Returns the parts of the record that change, as lua/includes/status-change.lua describes them. */
export function changedParts({ progress, result, error }: Pick<StatusUpdate, "progress" | "result" | "error">): string {
  return changedPart("progress", progress) + changedPart("result", result) + changedPart("error", error);
}

/** @param json undefined: the part is kept; null: it is removed */
function changedPart(part: "progress" | "result" | "error", json: string | null | undefined): string {
  if (json === undefined) return "";
  return `\n${json === null ? `"${part}":` : line(part, json)}`;
}

export function lengthOf(...texts: readonly (string | null | undefined)[]): number {
  return texts.reduce((length, text) => length + (text?.length ?? 0), 0);
}

export function sizeOf(messages: readonly OutgoingMessage[]): number {
  return messages.reduce((size, { payload }) => size + payload.length, 0);
}

/** Returns the headers of the messages of the status, the number of values that follow, and the messages of the change. */
export function messageArgs(job: Pick<NewJob, "outbox" | "sendHeaders">): readonly Argument[] {
  const [headers, ...values] = messageValues(job);
  return [headers, values.length, ...values];
}

/**
 * Returns the headers of the messages of the status, and three values for each message of the change. They are JSON, because raw text would
 * lose a lone surrogate.
 */
export function messageValues({
  outbox,
  sendHeaders,
}: Pick<NewJob, "outbox" | "sendHeaders">): readonly [string, ...Argument[]] {
  const values = outbox.flatMap(({ queue, id, payload, headers, delayMs }) => [
    id === null ? "" : JSON.stringify(id),
    delayMs,
    messageText({ queue, headers, payload }),
  ]);
  return [headersArg(sendHeaders), ...values];
}

/** Returns the headers of the messages of the status as JSON. Empty: none. */
export function headersArg(sendHeaders: NewJob["sendHeaders"]): string {
  return sendHeaders === undefined ? "" : JSON.stringify(sendHeaders);
}

/** Returns a message as JSON. Its queue comes first. */
export function messageText({
  queue,
  headers,
  payload,
}: Pick<OutgoingMessage, "queue" | "headers" | "payload">): string {
  return `{"queue":${JSON.stringify(queue)},"headers":${JSON.stringify(headers)},"payload":${payload}}`;
}
