import querystring from "node:querystring";
import { show } from "../arguments.js";
import type { Failure } from "../driver.js";
import { isError } from "../is-error.js";
import { Overdue } from "../within.js";

/** Reply codes of AMQP. */
const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;

/** What amqplib rejected with, as an answer. Only the server's own words are passed on. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Overdue) return { ok: false, failure: "timeout", reason: error.message, indeterminate: false };
  const words = wordsOf(error);
  if (codeOf(error) === ACCESS_REFUSED) return { ok: false, failure: "denied", reason: words };
  if (codeOf(error) === NOT_FOUND) return { ok: false, failure: "unroutable" };
  return (
    readMismatch(words) ??
    readTooLarge(words) ?? { ok: false, failure: "unavailable", reason: words, indeterminate: false }
  );
}

/** Codes of `node:tls` for what it finds wrong with a certificate, or with the first bytes of an answer. */
const CERTIFICATE = /CERT|^UNABLE_TO_/;
const NOT_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/;
const CONNECTION_GONE = /^(?:Channel|Connection|Unexpected close|Socket closed)/;

/**
 * In words without a full stop, since they end in the midst of a message. amqplib quotes the server as
 * `... with message "..."`; errors of the socket speak for themselves.
 */
export function wordsOf(error: unknown): string {
  if (!isError(error)) return "unknown reason";
  const quoted = /with message "(.*)"$/s.exec(error.message)?.[1];
  if (quoted !== undefined) return quoted.replace(/\.$/, "");
  if (error.name === "AbortError") return "the connection was given up";
  const code = String(codeOf(error));
  if (CERTIFICATE.test(code)) return `the server's certificate was refused: ${error.message}`;
  if (NOT_TLS.test(code)) return "the server's answer is not TLS";
  if (CONNECTION_GONE.test(error.message)) return "the connection was lost";
  // Where a host has several addresses, Node says nothing but the code.
  return error.message || code;
}

/** A TLS server that is spoken to plainly says nothing, and hangs up. */
const HUNG_UP = /ECONNRESET|EPIPE|during opening handshake/;

/** All that amqplib says where the server closes instead of opening, whatever the server said. */
const NOT_OPENED = /^Expected ConnectionOpenOk/;

/** The server's words for a wrong user or password. */
const LOGIN_REFUSED = /^ACCESS_REFUSED - Login was refused/;

/** The virtual host that an address names. */
export function virtualHostOf(address: string): string {
  return querystring.unescape(new URL(address).pathname.slice(1)) || "/";
}

/**
 * Describes why a connection could not be opened. An address that has worked before gets no hint at the other scheme.
 */
export function wordsOfOpening(error: unknown, address: string, hasWorked: boolean): string {
  const words = wordsOf(error);
  if (!isError(error)) return words;
  if (NOT_OPENED.test(error.message)) {
    const host = show(virtualHostOf(address));
    return `the broker did not open the virtual host ${host}: it does not exist, say, or this user may not use it`;
  }
  if (LOGIN_REFUSED.test(words)) {
    return `the broker refuses the user or the password; check both in the url (${words})`;
  }
  if (hasWorked) return words;
  if (NOT_TLS.test(String(codeOf(error)))) return `${words}; perhaps its address begins with amqp://`;
  const hungUp = HUNG_UP.test(error.message) && address.startsWith("amqp:");
  return hungUp ? `${words}; perhaps its address begins with amqps://` : words;
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

const INEQUIVALENT = /inequivalent arg '([^']*)' for queue '(.*)' in vhost '.*': received (.*) but current is (.*)$/s;

function readMismatch(words: string): Failure | null {
  const match = INEQUIVALENT.exec(words);
  if (match === null) return null;
  const [, argument = "", queue = "", wanted = "", found = ""] = match;
  const difference = { argument, found: valueIn(found), wanted: valueIn(wanted) };
  return { ok: false, failure: "mismatch", mismatch: { queue, differences: [difference] } };
}

/** The server writes `'5'`, `the value '5' of type 'byte'` or `none`. */
function valueIn(text: string): string {
  if (text === "none") return "not set";
  return /^(?:the value )?('.*?')(?: of type '.*')?$/s.exec(text)?.[1] ?? text;
}

function readTooLarge(words: string): Failure | null {
  const match = /message size (\d+).* larger than.* max size (\d+)/s.exec(words);
  if (match === null) return null;
  const [, size, most] = match;
  return {
    ok: false,
    failure: "too large",
    reason: `its ${size} bytes are more than the ${most} that this broker takes`,
  };
}
