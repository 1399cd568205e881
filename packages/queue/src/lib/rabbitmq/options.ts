import { X509Certificate } from "node:crypto";
import { type ConnectionOptions, createSecureContext } from "node:tls";
import {
  checkDuration,
  checkInteger,
  checkKeys,
  checkOptions as checkKeysOf,
  invalid,
  type KeysOf,
  show,
} from "../arguments.js";
import { isError } from "../errors.js";

/** Options of `node:tls`. Certificates are always verified. For a private certificate authority, set `ca` to its certificate. */
export type TlsOptions = Pick<ConnectionOptions, "ca" | "cert" | "key" | "passphrase" | "servername" | "minVersion">;

/** Options of `rabbitmqDriver`. */
export interface RabbitmqDriverOptions {
  /**
   * One or more addresses that begin with `amqp://` or `amqps://`. The driver tries them in turn. A connection attempt takes at
   * most 5 seconds. With several addresses, it takes at most their share of `timeoutMs`, but at least one second.
   */
  readonly url: string | readonly string[];
  /**
   * TLS options: `ca`, `cert`, `key`, `passphrase`, `servername` and `minVersion`, as in Node's `tls`. All addresses must begin with `amqps://`,
   * because an `amqp://` connection is not encrypted. @default Node's defaults
   */
  readonly tls?: TlsOptions | undefined;
  /** Prefix of every queue name: up to 64 characters A–Z a–z 0–9 . _ : / - @default "" */
  readonly prefix?: string | undefined;
  /**
   * Maximum time in milliseconds that a publish waits for its confirm, including reconnects. It also limits `stats`, `purge` and
   * `deadLetters`, the start of `consume`, and each step of `redrive` and `discard`. @default 10_000
   */
  readonly timeoutMs?: number | undefined;
  /** Maximum number of unconfirmed messages, 1–100,000. When it is reached, `publish` waits. @default 1000 */
  readonly maxPendingConfirms?: number | undefined;
  /**
   * Heartbeat interval in seconds, 1–600. A connection that is silent for two to three intervals is closed, by this package or
   * by the broker. If the broker's own `heartbeat` setting (60 by default) is smaller, it applies. @default 10
   */
  readonly heartbeatSeconds?: number | undefined;
  /**
   * The broker's `consumer_timeout` in milliseconds. AMQP does not report it. If a message of a consumer can stay unacknowledged
   * for longer, a warning is reported when the consumer starts, through `onError` and in `health().warnings`.
   * @default 1_800_000 (the default of the broker)
   */
  readonly ackTimeoutMs?: number | undefined;
  /**
   * Name of the connections in the management UI and in `rabbitmqctl list_connections`: 1–128 printable ASCII characters. The
   * purpose is appended: "orders publishing" and "orders consuming". @default "@subtitles/queue"
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
  if (typeof options !== "object" || options === null) {
    return invalid(`rabbitmqDriver needs options: { url } (got ${show(options)}).`);
  }
  checkKeysOf(options, DRIVER_OPTIONS, "rabbitmqDriver");
  const { url, prefix = "", timeoutMs = 10_000, maxPendingConfirms = 1_000, heartbeatSeconds } = options;
  if (typeof prefix !== "string" || !PREFIX.test(prefix) || prefix.startsWith("amq.")) {
    return invalid(
      `Invalid \`prefix\` ${show(prefix)}: use up to 64 characters A–Z a–z 0–9 . _ : / - that do not begin with "amq.".`,
    );
  }
  checkDuration(timeoutMs, "`timeoutMs`", 1);
  const ackTimeoutMs = checkDuration(options.ackTimeoutMs ?? DEFAULT_ACK_TIMEOUT_MS, "`ackTimeoutMs`", 1);
  checkInteger(maxPendingConfirms, "`maxPendingConfirms`", 1, 100_000);
  if (heartbeatSeconds !== undefined) checkInteger(heartbeatSeconds, "`heartbeatSeconds`", 1, 600);
  const connectionName = options.connectionName ?? DEFAULT_CONNECTION_NAME;
  if (typeof connectionName !== "string" || !CONNECTION_NAME.test(connectionName)) {
    return invalid(`\`connectionName\` must be 1 to 128 printable ASCII characters (got ${show(connectionName)}).`);
  }
  const urls: readonly unknown[] = Array.isArray(url) ? url : [url];
  if (urls.length === 0) return invalid("`url` must contain at least one address (got an empty array).");
  const addresses = urls.map((each) => checkAddress(each, heartbeatSeconds));
  const tls = checkTls(options.tls ?? {}, addresses);
  return { addresses, tls, prefix, timeoutMs, maxPendingConfirms, ackTimeoutMs, connectionName };
}

/** Checks an address and adds the heartbeat. The errors do not quote the address, because it may contain a password. */
function checkAddress(url: unknown, heartbeatSeconds: number | undefined): string {
  if (url === undefined || url === "") {
    const actual = url === undefined ? "undefined" : "empty";
    return invalid(
      `The \`url\` of rabbitmqDriver is ${actual}. Is the environment variable (for example RABBITMQ_URL) set?`,
    );
  }
  const address = typeof url === "string" && URL.canParse(url) ? new URL(url) : null;
  if (address === null || !["amqp:", "amqps:"].includes(address.protocol) || address.hostname === "") {
    return invalid("`url` must be an address such as amqp://user:password@host:5672/vhost, or an array of them.");
  }
  if (heartbeatSeconds !== undefined || !address.searchParams.has("heartbeat")) {
    address.searchParams.set("heartbeat", String(heartbeatSeconds ?? DEFAULT_HEARTBEAT_SECONDS));
  }
  return address.href;
}

/** Checks the TLS options. Parses certificates and keys now, so that an invalid one fails before the first connection. */
function checkTls(options: TlsOptions, addresses: readonly string[]): TlsOptions {
  if (typeof options !== "object" || options === null) {
    return invalid(`\`tls\` must be an object such as { ca } (got ${show(options)}).`);
  }
  const { ca, cert, key, passphrase, servername, minVersion } = checkKeys(options, TLS_KEYS, "tls");
  const given = Object.entries({ ca, cert, key, passphrase, servername, minVersion }).filter(
    ([, value]) => value !== undefined,
  );
  const tls: TlsOptions = Object.fromEntries(given);
  if (given.length > 0 && addresses.some((address) => address.startsWith("amqp:"))) {
    return invalid("With `tls`, every address in `url` must begin with amqps://.");
  }
  try {
    createSecureContext(tls);
    // Node ignores an invalid certificate authority, and every connection would then fail.
    for (const each of ca === undefined ? [] : [ca].flat()) new X509Certificate(each);
  } catch (error) {
    const code = isError(error) && "code" in error ? String(error.code) : "unknown reason";
    return invalid(
      `Invalid \`tls\` (${code}): \`ca\`, \`cert\` and \`key\` must be in PEM format, and \`passphrase\` must match the key.`,
    );
  }
  return tls;
}

/** Maximum duration of a connection attempt. A broker is slow after a restart, when all clients reconnect. */
const MAX_CONNECT_MS = 5_000;
const MIN_CONNECT_MS = 1_000;

/** Returns the time limit of one connection attempt. Several addresses share the timeout of a call, so that all can be tried. */
export function connectLimitMs(addresses: number, timeoutMs: number): number {
  if (addresses === 1) return MAX_CONNECT_MS;
  return Math.min(MAX_CONNECT_MS, Math.max(MIN_CONNECT_MS, timeoutMs / addresses));
}
