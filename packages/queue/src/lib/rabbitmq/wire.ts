import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Message, MessageProperties, Options } from "amqplib";
import { CONTENT_ID_PREFIX, RESERVED_HEADER_PREFIX, show } from "../arguments.js";
import type { Envelope } from "../driver.js";
import { VERSION_HEADER } from "../evolution.js";

const ATTEMPT = `${RESERVED_HEADER_PREFIX}attempt`;
const PUBLISHED_AT = `${RESERVED_HEADER_PREFIX}published-at`;
const ERRORS = `${RESERVED_HEADER_PREFIX}errors`;
const REASON = `${RESERVED_HEADER_PREFIX}reason`;
const DEAD_AT = `${RESERVED_HEADER_PREFIX}dead-at`;
/** Marks a copy that took the place of a returned message. */
const RETURNED = `${RESERVED_HEADER_PREFIX}returned`;
const ESCAPED = `${RESERVED_HEADER_PREFIX}header-`;
/** Headers about one delivery. A copy gets its own. */
const OWN: ReadonlySet<string> = new Set([VERSION_HEADER, ATTEMPT, PUBLISHED_AT, ERRORS, REASON, DEAD_AT, RETURNED]);

/** Of the last date that there is in JavaScript. */
const LAST_SECOND = 8_640_000_000_000;

/**
 * Names that the broker reads or writes itself, and one that is no ordinary key in JavaScript. A user's header of such a
 * name travels under another one; every other header travels as it is, for consumers in other languages.
 */
const TAKEN =
  /^(?:CC|BCC|x-death|x-(?:first|last)-death-.*|x-delivery-count|x-acquired-count|x-opt-.*|x-stream-.*|__proto__)$/s;

/**
 * Headers that the broker writes. A copy must not contain them: with an old `x-death`, RabbitMQ 3 treats a retry as a cycle and
 * drops the message.
 */
const OF_THE_BROKER = /^x-(?:death|(?:first|last)-death-.*|delivery-count|acquired-count)$/s;
/** Headers that route a message to further queues. */
const ROUTING = /^B?CC$/;

/**
 * Properties of another client's message that a copy keeps. `userId` is left out because the broker accepts only the name of
 * the user who publishes, and `expiration` because it would remove a dead letter; the broker drops it, too, when it
 * dead-letters a message.
 */
const KEPT = [
  "contentType",
  "contentEncoding",
  "priority",
  "correlationId",
  "replyTo",
  "type",
  "appId",
] as const satisfies readonly (keyof MessageProperties)[];

/** Received message, which copies of its envelope contain. */
class Received {
  constructor(readonly message: Message) {}
}

/** Envelope of a message to publish. */
export interface Outbound extends Envelope {
  /** True if this copy replaces a message that was delivered before. */
  readonly returned?: boolean;
}

export function toContent({ original, body }: Envelope): Buffer {
  return original instanceof Received ? original.message.content : Buffer.from(body);
}

/**
 * @param withOriginal false leaves out the headers and properties of another client. Some can be read but not written again:
 *   a table with the key "!", more than 64 KiB of headers, text that is not UTF-8
 */
export function toProperties(envelope: Outbound, withOriginal = true): Options.Publish {
  const { original } = envelope;
  const received = withOriginal && original instanceof Received ? original.message.properties : null;
  const headers: Record<string, unknown> = {};
  if (withOriginal) {
    Object.assign(headers, Object.fromEntries(originalHeaders(received?.headers ?? {})));
    for (const [name, value] of Object.entries(envelope.headers))
      headers[TAKEN.test(name) ? ESCAPED + name : name] = value;
  }
  headers[VERSION_HEADER] = String(envelope.version);
  headers[ATTEMPT] = String(envelope.attempt);
  headers[PUBLISHED_AT] = String(envelope.publishedAt);
  if (envelope.errors.length > 0) headers[ERRORS] = JSON.stringify(envelope.errors);
  if (envelope.death !== null) {
    headers[REASON] = envelope.death.reason;
    headers[DEAD_AT] = String(envelope.death.at);
  }
  if (envelope.returned === true) headers[RETURNED] = "true";
  const described = received
    ? { ...Object.fromEntries(KEPT.map((name) => [name, received[name]])), ...writable(received.timestamp) }
    : { contentType: "application/json", timestamp: Math.floor(envelope.publishedAt / 1000) };
  return { ...described, messageId: envelope.id, persistent: true, mandatory: true, headers };
}

/** A number of 64 bits may have lost its last digits when it was read, and is left out then. */
function writable(timestamp: unknown): { readonly timestamp?: number } {
  return Number.isSafeInteger(timestamp) ? { timestamp: Number(timestamp) } : {};
}

function* originalHeaders(headers: Readonly<Record<string, unknown>>): Iterable<[string, unknown]> {
  for (const [name, value] of Object.entries(headers)) {
    if (!OWN.has(name) && !OF_THE_BROKER.test(name)) yield [ROUTING.test(name) ? ESCAPED + name : name, value];
  }
}

/** True for a message that was delivered before and not acknowledged, also if a copy took its place. */
export function wasDelivered({ fields, properties }: Message): boolean {
  return fields.redelivered || properties.headers?.[RETURNED] !== undefined;
}

/** Number of returns of this message that the broker has counted. Absent on a first delivery, and in classic queues. */
export function countedReturns({ properties }: Message): number {
  const count: unknown = properties.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : 0;
}

/** Also reads messages that others published, or that the broker dead-lettered: what they do not say has a default. */
export function toEnvelope(message: Message): Envelope {
  const { content, properties } = message;
  const unreadable = isUtf8(content) ? null : whyUnreadable(properties.contentEncoding);
  const headers = new Map<string, unknown>(Object.entries(properties.headers ?? {}));
  const id: unknown = properties.messageId;
  return {
    id:
      typeof id === "string" && id !== ""
        ? id
        : `${CONTENT_ID_PREFIX}${createHash("sha256").update(content).digest("hex")}`,
    body: content.toString("utf8"),
    version: Math.max(1, readNumber(headers.get(VERSION_HEADER)) ?? 1),
    headers: Object.fromEntries(usersHeaders(headers)),
    attempt: Math.max(1, readNumber(headers.get(ATTEMPT)) ?? 1),
    publishedAt: readNumber(headers.get(PUBLISHED_AT)) ?? readSeconds(properties.timestamp),
    errors: readErrors(headers.get(ERRORS)),
    death: readDeath(headers),
    original: new Received(message),
    ...(unreadable !== null && { unreadable }),
  };
}

function whyUnreadable(contentEncoding: unknown): string {
  if (contentEncoding === undefined) return "The body is not UTF-8 text.";
  return `The body is not UTF-8 text: its content encoding is ${show(contentEncoding)}, and encoded bodies are not supported.`;
}

function* usersHeaders(headers: ReadonlyMap<string, unknown>): Iterable<[string, string]> {
  for (const [name, value] of headers) {
    if (typeof value !== "string") continue;
    if (name.startsWith(ESCAPED)) yield [name.slice(ESCAPED.length), value];
    else if (!name.startsWith(RESERVED_HEADER_PREFIX) && !TAKEN.test(name)) yield [name, value];
  }
}

function readNumber(text: unknown): number | null {
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function readErrors(text: unknown): readonly string[] {
  if (typeof text !== "string") return [];
  try {
    const errors: unknown = JSON.parse(text);
    return Array.isArray(errors) ? errors.filter((error) => typeof error === "string") : [];
  } catch {
    return [];
  }
}

function readDeath(headers: ReadonlyMap<string, unknown>): Envelope["death"] {
  const reason = headers.get(REASON);
  if (typeof reason === "string") return { reason, at: readNumber(headers.get(DEAD_AT)) ?? Date.now() };
  const deaths = headers.get("x-death");
  const latest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  if (typeof latest !== "object" || latest === null || !("reason" in latest)) return null;
  return {
    // Others may have put a table there, which need not become a string.
    reason: `The broker dead-lettered it: ${typeof latest.reason === "string" ? latest.reason : "no reason"}.`,
    at: "time" in latest ? readTimestamp(latest.time) : Date.now(),
  };
}

/** amqplib decodes AMQP timestamps in tables as `{ "!": "timestamp", value: seconds }`. */
function readTimestamp(time: unknown): number {
  return readSeconds(typeof time === "object" && time !== null && "value" in time ? time.value : undefined);
}

/** Milliseconds. Others may send more than a date can hold: that says nothing, as no time does. */
function readSeconds(seconds: unknown): number {
  return typeof seconds === "number" && seconds >= 0 && seconds <= LAST_SECOND ? seconds * 1000 : Date.now();
}
