import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Message, MessageProperties, Options } from "amqplib";
import { CONTENT_ID_PREFIX, RESERVED_HEADER_PREFIX, show } from "../arguments.js";
import { VERSION_HEADER } from "../definition.js";
import type { Envelope } from "../driver.js";

/** Header with the number of the attempt. */
const ATTEMPT = `${RESERVED_HEADER_PREFIX}attempt`;
/** Header with the time of the first publish, in milliseconds since 1970. */
const PUBLISHED_AT = `${RESERVED_HEADER_PREFIX}published-at`;
/** Header with the errors of the last attempts, as a JSON array. */
const ERRORS = `${RESERVED_HEADER_PREFIX}errors`;
/** Header with the reason for dead-lettering. */
const REASON = `${RESERVED_HEADER_PREFIX}reason`;
/** Header with the time of dead-lettering. */
const DEAD_AT = `${RESERVED_HEADER_PREFIX}dead-at`;
/** Header with the origin of an outbox message. */
const ORIGIN = `${RESERVED_HEADER_PREFIX}origin`;
/** Header with the time at which a message was postponed. */
const POSTPONED_AT = `${RESERVED_HEADER_PREFIX}postponed-at`;
/** Header with the time at which a postponed message is due. */
const DUE_AT = `${RESERVED_HEADER_PREFIX}due-at`;
/** Header of a copy that a closing consumer published instead of returning the message. */
const RETURNED = `${RESERVED_HEADER_PREFIX}returned`;
/** Prefix of a user header whose name RabbitMQ uses itself. */
const ESCAPED = `${RESERVED_HEADER_PREFIX}header-`;
/** Headers of this library. A copy gets new ones. */
const OWN: ReadonlySet<string> = new Set([
  VERSION_HEADER,
  ATTEMPT,
  PUBLISHED_AT,
  ERRORS,
  REASON,
  DEAD_AT,
  ORIGIN,
  POSTPONED_AT,
  DUE_AT,
  RETURNED,
]);

/** Maximum date of JavaScript in seconds. */
const MAX_SECONDS = 8_640_000_000_000;

/**
 * Names that the broker uses itself, and `__proto__`, which is not an ordinary key in JavaScript. A user's header with such a name
 * is escaped. All other headers are sent unchanged, for consumers in other languages.
 */
const RESERVED_NAME =
  /^(?:CC|BCC|x-death|x-(?:first|last)-death-.*|x-delivery-count|x-acquired-count|x-opt-.*|x-stream-.*|__proto__)$/s;

/**
 * Headers that the broker writes. A copy must not contain them: with an old `x-death`, RabbitMQ 3 treats a retry as a cycle and
 * drops the message.
 */
const BROKER_HEADER = /^x-(?:death|(?:first|last)-death-.*|delivery-count|acquired-count)$/s;
/** Headers that route a message to further queues. */
const ROUTING_HEADER = /^B?CC$/;

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

/** Headers as amqplib reads them. Only names that begin with "x-" are looked up, and no object inherits such a property. */
type ReceivedHeaders = Readonly<Record<string, unknown>>;

/** Received message. Copies of its envelope contain it. */
class ReceivedMessage {
  constructor(readonly message: Message) {}
}

/** Envelope of a message to publish. */
export interface OutgoingEnvelope extends Envelope {
  /** True if this copy replaces a message that a consumer returned. */
  readonly returned?: boolean;
}

export function toContent({ original, body }: Envelope): Buffer {
  return original instanceof ReceivedMessage ? original.message.content : Buffer.from(body);
}

/**
 * Returns the AMQP properties of a message.
 *
 * @param withOriginal false omits the headers and properties of another client. amqplib can read some of them but not write them:
 *   a table with the key "!", more than 64 KiB of headers, text that is not UTF-8
 */
export function toProperties(envelope: OutgoingEnvelope, withOriginal = true): Options.Publish {
  const { original } = envelope;
  const received = withOriginal && original instanceof ReceivedMessage ? original.message.properties : null;
  const headers: Record<string, unknown> = {};
  if (withOriginal) {
    Object.assign(headers, Object.fromEntries(originalHeaders(received?.headers ?? {})));
    for (const [name, value] of Object.entries(envelope.headers))
      headers[RESERVED_NAME.test(name) ? ESCAPED + name : name] = value;
  }
  headers[VERSION_HEADER] = String(envelope.version);
  headers[ATTEMPT] = String(envelope.attempt);
  headers[PUBLISHED_AT] = String(envelope.publishedAt);
  if (envelope.origin !== undefined) headers[ORIGIN] = envelope.origin;
  if (envelope.postponed !== undefined) {
    headers[POSTPONED_AT] = String(envelope.postponed.since);
    headers[DUE_AT] = String(envelope.postponed.until);
  }
  if (envelope.errors.length > 0) headers[ERRORS] = JSON.stringify(envelope.errors);
  if (envelope.death !== null) {
    headers[REASON] = envelope.death.reason;
    headers[DEAD_AT] = String(envelope.death.at);
  }
  if (envelope.returned === true) headers[RETURNED] = "true";
  const described = received
    ? { ...Object.fromEntries(KEPT.map((name) => [name, received[name]])), ...toTimestamp(received.timestamp) }
    : describe(envelope.publishedAt);
  return { ...described, messageId: envelope.id, persistent: true, mandatory: true, headers };
}

/** Returns the properties of a message of this library, except for its id and headers. */
function describe(publishedAt: number): Pick<Options.Publish, "contentType" | "timestamp"> {
  return { contentType: "application/json", timestamp: Math.floor(publishedAt / 1000) };
}

/** Returns a timestamp that can be written. A 64-bit number may have lost digits when it was read, and is omitted. */
function toTimestamp(timestamp: unknown): { readonly timestamp?: number } {
  return Number.isSafeInteger(timestamp) ? { timestamp: Number(timestamp) } : {};
}

function* originalHeaders(headers: Readonly<Record<string, unknown>>): Iterable<[string, unknown]> {
  for (const [name, value] of Object.entries(headers)) {
    if (!OWN.has(name) && !BROKER_HEADER.test(name)) yield [ROUTING_HEADER.test(name) ? ESCAPED + name : name, value];
  }
}

/** Returns true if the message, or the message that this copy replaces, was delivered before and not acknowledged. */
export function wasDelivered({ fields, properties }: Message): boolean {
  return fields.redelivered || properties.headers?.[RETURNED] !== undefined;
}

/** Returns the number of returns of this message that the broker has counted. Classic queues do not count. */
export function countedReturns({ properties }: Message): number {
  const count: unknown = properties.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : 0;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Converts a received message. Messages of other clients, or dead-lettered by the broker, get defaults for missing values. */
export function toEnvelope(message: Message): Envelope {
  const { content, properties } = message;
  const headers: ReceivedHeaders = properties.headers ?? {};
  const id: unknown = properties.messageId;
  const origin = headers[ORIGIN];
  const since = parseNumber(headers[POSTPONED_AT]);
  const until = parseNumber(headers[DUE_AT]);
  const envelope: Mutable<Envelope> = {
    id:
      typeof id === "string" && id !== ""
        ? id
        : `${CONTENT_ID_PREFIX}${createHash("sha256").update(content).digest("hex")}`,
    body: content.toString("utf8"),
    version: Math.max(1, parseNumber(headers[VERSION_HEADER]) ?? 1),
    headers: userHeaders(headers),
    attempt: Math.max(1, parseNumber(headers[ATTEMPT]) ?? 1),
    publishedAt: parseNumber(headers[PUBLISHED_AT]) ?? toMilliseconds(properties.timestamp),
    errors: parseErrors(headers[ERRORS]),
    death: parseDeath(headers),
  };
  if (typeof origin === "string" && origin !== "") envelope.origin = origin;
  if (since !== null && until !== null) envelope.postponed = { since, until };
  if (!isUtf8(content)) envelope.unreadable = describeEncoding(properties.contentEncoding);
  if (hasFurtherParts(message, envelope)) envelope.original = new ReceivedMessage(message);
  return envelope;
}

/**
 * Returns true if a received message has a part that its envelope does not contain, and that a copy keeps. A message of this library
 * has none, so its envelope is small.
 */
function hasFurtherParts({ properties }: Message, { unreadable, publishedAt }: Envelope): boolean {
  if (unreadable !== undefined) return true;
  const own: Options.Publish = describe(publishedAt);
  if (properties.timestamp !== own.timestamp || KEPT.some((name) => properties[name] !== own[name])) return true;
  const headers: ReceivedHeaders = properties.headers ?? {};
  return Object.keys(headers).some(
    (name) => !OWN.has(name) && !BROKER_HEADER.test(name) && userHeaderOf(name, headers[name]) === null,
  );
}

function describeEncoding(contentEncoding: unknown): string {
  if (contentEncoding === undefined) return "The body is not UTF-8 text.";
  return `The body is not UTF-8 text: its content encoding is ${show(contentEncoding)}, and encoded bodies are not supported.`;
}

function userHeaders(headers: ReceivedHeaders): Record<string, string> {
  const found: [string, string][] = [];
  for (const name of Object.keys(headers)) {
    const header = OWN.has(name) ? null : userHeaderOf(name, headers[name]);
    if (header !== null) found.push(header);
  }
  return found.length === 0 ? {} : Object.fromEntries(found);
}

/** Returns the user's header in a received one that is not of this library; null if it is no header of a user. */
function userHeaderOf(name: string, value: unknown): [name: string, value: string] | null {
  if (typeof value !== "string") return null;
  if (name.startsWith(ESCAPED)) return [name.slice(ESCAPED.length), value];
  return name.startsWith(RESERVED_HEADER_PREFIX) || RESERVED_NAME.test(name) ? null : [name, value];
}

function parseNumber(text: unknown): number | null {
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function parseErrors(text: unknown): readonly string[] {
  if (typeof text !== "string") return [];
  try {
    const errors: unknown = JSON.parse(text);
    return Array.isArray(errors) ? errors.filter((error) => typeof error === "string") : [];
  } catch {
    return [];
  }
}

function parseDeath(headers: ReceivedHeaders): Envelope["death"] {
  const reason = headers[REASON];
  if (typeof reason === "string") return { reason, at: parseNumber(headers[DEAD_AT]) ?? Date.now() };
  const deaths = headers["x-death"];
  const latest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  if (typeof latest !== "object" || latest === null || !("reason" in latest)) return null;
  return {
    // Another client may have written a table, which cannot always be converted to a string.
    reason: `RabbitMQ dead-lettered the message: ${typeof latest.reason === "string" ? latest.reason : "no reason"}.`,
    at: "time" in latest ? parseTableTime(latest.time) : Date.now(),
    byBroker: true,
  };
}

/** Reads a timestamp in a table, which amqplib decodes as `{ "!": "timestamp", value: seconds }`. */
function parseTableTime(time: unknown): number {
  return toMilliseconds(typeof time === "object" && time !== null && "value" in time ? time.value : undefined);
}

/** Converts a timestamp to milliseconds. An absent timestamp, or one beyond the maximum date, becomes the current time. */
function toMilliseconds(seconds: unknown): number {
  return typeof seconds === "number" && seconds >= 0 && seconds <= MAX_SECONDS ? seconds * 1000 : Date.now();
}
