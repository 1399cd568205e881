import { X509Certificate } from "node:crypto";
import { type ConnectionOptions, createSecureContext } from "node:tls";
import {
  checkDuration,
  checkKeys,
  checkOptions as checkKeysOf,
  checkWhole,
  invalid,
  type KeysOf,
  show,
} from "../arguments.js";
import { isError } from "../is-error.js";

/** Of `node:tls`. Certificates are always verified: for one of your own authority, give its certificate as `ca`. */
export type TlsOptions = Pick<ConnectionOptions, "ca" | "cert" | "key" | "passphrase" | "servername" | "minVersion">;

/** Which broker, and how it is used. */
export interface RabbitmqDriverOptions {
  /**
   * One or several `amqp://` or `amqps://` addresses, tried in turn: each for 5 seconds at most or, where there are several,
   * its share of `timeoutMs` if that is less, but at least one second.
   */
  readonly url: string | readonly string[];
  /** For `amqps://` addresses. Refused beside an `amqp://` one, which would be spoken to in the clear. @default Node's own */
  readonly tls?: TlsOptions | undefined;
  /** Put before every queue name; up to 64 of A–Z a–z 0–9 . _ : / - . @default "" */
  readonly prefix?: string | undefined;
  /**
   * In milliseconds. No publish waits longer for its confirm, reconnects included; nor do `stats`, `purge` and
   * `deadLetters`, nor `consume` for its connection; `redrive` and `discard` have it for each step. @default 10_000
   */
  readonly timeoutMs?: number | undefined;
  /** Unconfirmed messages held at most, 1–100,000; past it `publish` waits. @default 1000 */
  readonly maxPendingConfirms?: number | undefined;
  /**
   * Heartbeat interval in seconds, 1–600. A connection that is silent for two to three intervals is closed, by this package or
   * by the broker. If the broker's own `heartbeat` setting (60 by default) is smaller, it applies. @default 10
   */
  readonly heartbeatSeconds?: number | undefined;
  /**
   * The broker's `consumer_timeout` in milliseconds, which it does not tell. A consumer whose handlers may hold a message for
   * longer is warned about when it starts, through `onError` and in `health().warnings`.
   * @default 1_800_000, as the broker's own
   */
  readonly ackTimeoutMs?: number | undefined;
  /**
   * Name of the connections in the RabbitMQ management UI and in `rabbitmqctl list_connections`: 1–128 printable ASCII
   * characters. The purpose is appended: "orders publishing" and "orders consuming". @default "@subtitles/queue"
   */
  readonly connectionName?: string | undefined;
}

export interface CheckedOptions {
  readonly addresses: readonly string[];
  readonly tls: TlsOptions;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly maxPendingConfirms: number;
  readonly ackTimeoutMs: number;
  readonly connectionName: string;
}

const PREFIX = /^[A-Za-z0-9._:/-]{0,64}$/;
const CONNECTION_NAME = /^[ -~]{1,128}$/;
const DEFAULT_CONNECTION_NAME = "@subtitles/queue";
const DEFAULT_ACK_TIMEOUT_MS = 1_800_000;
const DEFAULT_HEARTBEAT_SECONDS = 10;

const DRIVER_OPTIONS: KeysOf<RabbitmqDriverOptions> = {
  url: true,
  tls: true,
  prefix: true,
  timeoutMs: true,
  maxPendingConfirms: true,
  heartbeatSeconds: true,
  ackTimeoutMs: true,
  connectionName: true,
};
const TLS_KEYS: KeysOf<TlsOptions> = {
  ca: true,
  cert: true,
  key: true,
  passphrase: true,
  servername: true,
  minVersion: true,
};

export function checkOptions(options: RabbitmqDriverOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) return invalid("rabbitmqDriver needs options: { url }.");
  checkKeysOf(options, DRIVER_OPTIONS, "rabbitmqDriver");
  const { url, prefix = "", timeoutMs = 10_000, maxPendingConfirms = 1_000, heartbeatSeconds } = options;
  if (typeof prefix !== "string" || !PREFIX.test(prefix) || prefix.startsWith("amq.")) {
    return invalid(`${show(prefix)} is no prefix: up to 64 of A–Z a–z 0–9 . _ : / - , not beginning with "amq.".`);
  }
  checkDuration(timeoutMs, "timeoutMs", 1);
  const ackTimeoutMs = checkDuration(options.ackTimeoutMs ?? DEFAULT_ACK_TIMEOUT_MS, "ackTimeoutMs", 1);
  checkWhole(maxPendingConfirms, "maxPendingConfirms", 1, 100_000);
  if (heartbeatSeconds !== undefined) checkWhole(heartbeatSeconds, "heartbeatSeconds", 1, 600);
  const connectionName = options.connectionName ?? DEFAULT_CONNECTION_NAME;
  if (typeof connectionName !== "string" || !CONNECTION_NAME.test(connectionName)) {
    return invalid(`connectionName must be 1 to 128 printable ASCII characters, and is ${show(connectionName)}.`);
  }
  const urls: readonly unknown[] = Array.isArray(url) ? url : [url];
  if (urls.length === 0) return invalid("url must name at least one address.");
  const addresses = urls.map((each) => checkAddress(each, heartbeatSeconds));
  const tls = checkTls(options.tls ?? {}, addresses);
  return { addresses, tls, prefix, timeoutMs, maxPendingConfirms, ackTimeoutMs, connectionName };
}

/** Never quotes the address: it may hold a password. */
function checkAddress(url: unknown, heartbeatSeconds: number | undefined): string {
  const address = typeof url === "string" && URL.canParse(url) ? new URL(url) : null;
  if (address === null || !["amqp:", "amqps:"].includes(address.protocol) || address.hostname === "") {
    return invalid("url must be an address such as amqp://user:password@host:5672/vhost, or several of them.");
  }
  if (heartbeatSeconds !== undefined || !address.searchParams.has("heartbeat")) {
    address.searchParams.set("heartbeat", String(heartbeatSeconds ?? DEFAULT_HEARTBEAT_SECONDS));
  }
  return address.href;
}

/** Reads certificates and keys now, so that one that cannot be read is not found out at the first connection. */
function checkTls(options: TlsOptions, addresses: readonly string[]): TlsOptions {
  if (typeof options !== "object" || options === null) return invalid("tls must be an object: { ca }.");
  const { ca, cert, key, passphrase, servername, minVersion } = checkKeys(options, TLS_KEYS, "tls");
  const given = Object.entries({ ca, cert, key, passphrase, servername, minVersion }).filter(
    ([, value]) => value !== undefined,
  );
  const tls: TlsOptions = Object.fromEntries(given);
  if (given.length > 0 && addresses.some((address) => address.startsWith("amqp:"))) {
    return invalid("With tls, every address must begin with amqps://.");
  }
  try {
    createSecureContext(tls);
    // Node ignores an authority that it cannot read, and trusts nobody then.
    for (const each of ca === undefined ? [] : [ca].flat()) new X509Certificate(each);
  } catch (error) {
    const code = isError(error) && "code" in error ? String(error.code) : "unknown reason";
    return invalid(`tls cannot be read (${code}): ca, cert and key must be PEM, and passphrase that of the key.`);
  }
  return tls;
}
