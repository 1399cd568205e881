import { createHash } from "node:crypto";
import type { Message, Options } from "amqplib";
import { RESERVED_HEADER_PREFIX } from "../arguments.js";
import type { Envelope } from "../driver.js";
import { VERSION_HEADER } from "../evolution.js";

const ATTEMPT = `${RESERVED_HEADER_PREFIX}attempt`;
const PUBLISHED_AT = `${RESERVED_HEADER_PREFIX}published-at`;
const ERRORS = `${RESERVED_HEADER_PREFIX}errors`;
const REASON = `${RESERVED_HEADER_PREFIX}reason`;
const DEAD_AT = `${RESERVED_HEADER_PREFIX}dead-at`;
const ESCAPED = `${RESERVED_HEADER_PREFIX}header-`;

/** Of the last date that there is in JavaScript. */
const LAST_SECOND = 8_640_000_000_000;

/**
 * Names that the broker reads or writes itself, and one that is no ordinary key in JavaScript. A user's header of such a
 * name travels under another one; every other header travels as it is, for consumers in other languages.
 */
const TAKEN =
  /^(?:CC|BCC|x-death|x-(?:first|last)-death-.*|x-delivery-count|x-acquired-count|x-opt-.*|x-stream-.*|__proto__)$/s;

export function toProperties(envelope: Envelope): Options.Publish {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(envelope.headers))
    headers[TAKEN.test(name) ? ESCAPED + name : name] = value;
  headers[VERSION_HEADER] = String(envelope.version);
  headers[ATTEMPT] = String(envelope.attempt);
  headers[PUBLISHED_AT] = String(envelope.publishedAt);
  if (envelope.errors.length > 0) headers[ERRORS] = JSON.stringify(envelope.errors);
  if (envelope.death !== null) {
    headers[REASON] = envelope.death.reason;
    headers[DEAD_AT] = String(envelope.death.at);
  }
  return {
    messageId: envelope.id,
    persistent: true,
    mandatory: true,
    contentType: "application/json",
    timestamp: Math.floor(envelope.publishedAt / 1000),
    headers,
  };
}

/** Also reads messages that others published, or that the broker dead-lettered: what they do not say has a default. */
export function toEnvelope({ content, properties }: Message): Envelope {
  const headers = new Map<string, unknown>(Object.entries(properties.headers ?? {}));
  const id: unknown = properties.messageId;
  return {
    id: typeof id === "string" && id !== "" ? id : `sha256-${createHash("sha256").update(content).digest("hex")}`,
    body: content.toString("utf8"),
    version: Math.max(1, readNumber(headers.get(VERSION_HEADER)) ?? 1),
    headers: Object.fromEntries(usersHeaders(headers)),
    attempt: Math.max(1, readNumber(headers.get(ATTEMPT)) ?? 1),
    publishedAt: readNumber(headers.get(PUBLISHED_AT)) ?? readSeconds(properties.timestamp),
    errors: readErrors(headers.get(ERRORS)),
    death: readDeath(headers),
  };
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
