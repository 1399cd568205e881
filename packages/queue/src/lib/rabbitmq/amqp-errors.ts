import querystring from "node:querystring";
import { show } from "../arguments.js";
import type { Failure } from "../driver.js";
import { isError } from "../errors.js";
import { TimeoutError } from "../timers.js";

/** Reply codes of AMQP. */
const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;

/** Converts an error of amqplib to a failure. The reason contains only text of the server or of the socket. */
export function toFailure(error: unknown): Failure {
  if (error instanceof TimeoutError) {
    return { ok: false, failure: "timeout", reason: error.message, indeterminate: false };
  }
  const reason = describeError(error);
  if (codeOf(error) === ACCESS_REFUSED) return { ok: false, failure: "denied", reason };
  if (codeOf(error) === NOT_FOUND) return { ok: false, failure: "unroutable" };
  return (
    parseMismatch(reason) ??
    parseTooLarge(reason) ?? { ok: false, failure: "unavailable", reason, indeterminate: false }
  );
}

/** Codes of `node:tls` for an invalid certificate and for a reply that is not TLS. */
const CERTIFICATE = /CERT|^UNABLE_TO_/;
const NOT_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/;
const CONNECTION_LOST = /^(?:Channel|Connection|Unexpected close|Socket closed)/;

/**
 * Describes an error without a full stop at the end, because the text becomes a part of a sentence. amqplib quotes the server as
 * `... with message "..."`. Errors of the socket have messages of their own.
 */
export function describeError(error: unknown): string {
  if (!isError(error)) return "unknown reason";
  const quoted = /with message "(.*)"$/s.exec(error.message)?.[1];
  if (quoted !== undefined) return quoted.replace(/\.$/, "");
  if (error.name === "AbortError") return "the connection attempt was aborted";
  const code = String(codeOf(error));
  if (CERTIFICATE.test(code)) return `the server's certificate was rejected: ${error.message}`;
  if (NOT_TLS.test(code)) return "the server's reply is not TLS";
  if (CONNECTION_LOST.test(error.message)) return "the connection was lost";
  // If a host has several addresses, Node's error has no message, only a code.
  return error.message || code;
}

/** Errors of a connection that a TLS server closes because the client does not use TLS. */
const CLOSED_BY_SERVER = /ECONNRESET|EPIPE|during opening handshake/;

/** Error of amqplib if the server closes the connection instead of opening the virtual host. It does not quote the server. */
const NOT_OPENED = /^Expected ConnectionOpenOk/;

/** Server's text for an invalid user or password. */
const LOGIN_REFUSED = /^ACCESS_REFUSED - Login was refused/;

/** Returns the virtual host in an address. */
export function virtualHostOf(address: string): string {
  return querystring.unescape(new URL(address).pathname.slice(1)) || "/";
}

/**
 * Describes why a connection could not be established. Suggests the other URL scheme, unless the address has worked before.
 *
 * @param verified true if the address has worked before
 */
export function describeConnectError(error: unknown, address: string, verified: boolean): string {
  const reason = describeError(error);
  if (!isError(error)) return reason;
  if (NOT_OPENED.test(error.message)) {
    return `virtual host ${show(virtualHostOf(address))} does not exist, or the user has no access to it`;
  }
  if (LOGIN_REFUSED.test(reason)) {
    return `the broker rejected the user or the password; check both in the url (${reason})`;
  }
  if (verified) return reason;
  if (NOT_TLS.test(String(codeOf(error)))) return `${reason}; the server may not use TLS: try amqp://`;
  const closedByServer = CLOSED_BY_SERVER.test(error.message) && address.startsWith("amqp:");
  return closedByServer ? `${reason}; the server may require TLS: try amqps://` : reason;
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

const INEQUIVALENT = /inequivalent arg '([^']*)' for queue '(.*)' in vhost '.*': received (.*) but current is (.*)$/s;

function parseMismatch(reason: string): Failure | null {
  const match = INEQUIVALENT.exec(reason);
  if (match === null) return null;
  const [, argument = "", queue = "", expected = "", actual = ""] = match;
  const difference = { argument, actual: parseValue(actual), expected: parseValue(expected) };
  return { ok: false, failure: "mismatch", mismatch: { queue, differences: [difference] } };
}

/** Parses a value in a text of the server: `'5'`, `the value '5' of type 'byte'` or `none`. */
function parseValue(text: string): string {
  if (text === "none") return "not set";
  return /^(?:the value )?('.*?')(?: of type '.*')?$/s.exec(text)?.[1] ?? text;
}

function parseTooLarge(reason: string): Failure | null {
  const match = /message size (\d+).* larger than.* max size (\d+)/s.exec(reason);
  if (match === null) return null;
  const [, size, max] = match;
  return {
    ok: false,
    failure: "too large",
    reason: `the message has ${size} bytes, the limit of the broker is ${max} (max_message_size)`,
  };
}
