import { isError, JobStoreError, unavailable } from "../errors.js";

/**
 * Returns the safe part of an error's message. Errors of ioredis contain the password and all payloads in `command.args`, and some
 * messages of the server repeat arguments. So errors of ioredis are never rethrown or attached as a cause.
 */
export function reasonOf(error: unknown): string {
  if (!isError(error)) return "unknown error";
  // A cluster has the error of the last node that was asked for the slots.
  if ("lastNodeError" in error && isError(error.lastNodeError)) return reasonOf(error.lastNodeError);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // An AggregateError, after attempts at several addresses, has its messages in its parts.
  const parts: readonly unknown[] = "errors" in error && Array.isArray(error.errors) ? error.errors : [];
  const text = error.message || (parts.length > 0 ? reasonOf(parts[0]) : "");
  const message = text.replace(/,? with args beginning with.*$/s, "").replace(/\/\/[^@\s/]*@/g, "//***@");
  return (message || code || error.name).slice(0, 300).replace(/\.$/, "");
}

/** Returns the code of an error reply of the server. null: the error is not a reply. */
export function replyCode(error: unknown): string | null {
  return isError(error) && error.name === "ReplyError" ? codeIn(error.message) : null;
}

/** Returns the code in an error message, also if Redis 6 wraps it ("ERR Error running script …: @user_script: 7: -OOM …"). */
export function codeIn(message: string): string {
  const wrapped = /^(?:ERR Error running script|@user_script)[^-]*-([A-Z]+) /.exec(message);
  return wrapped?.[1] ?? /^[A-Z]+/.exec(message)?.[0] ?? "ERR";
}

/** Returns a hint for a server that has never replied: a server that expects TLS, or does not, is silent or closes the connection. */
export function connectionHint(reason: string, secure: boolean): string {
  if (secure) {
    const isSilent = /EPROTO|ETIMEDOUT|not replied yet|before secure TLS/.test(reason);
    return isSilent ? "; the server may not use TLS: try redis:// instead of rediss://" : "";
  }
  const isClosed = /does not reply|ECONNRESET|EPIPE/.test(reason);
  return isClosed ? "; the server may use TLS: try rediss:// instead of redis://" : "";
}

/** Codes of errors after which another attempt can succeed, on this server or on another one. */
const TEMPORARY_ERRORS: ReadonlySet<string> = new Set([
  "LOADING",
  "BUSY",
  "TRYAGAIN",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "READONLY",
]);

/** Codes of errors with which a server rejects writes. */
export const WRITE_REJECTIONS: ReadonlySet<string> = new Set(["OOM", "READONLY", "MISCONF", "NOREPLICAS"]);

const ONE_NODE = "it is a node of a Redis Cluster; pass the nodes to redisDriver as cluster: [{ host, port }]";

const EXPLANATIONS: ReadonlyMap<string, string> = new Map([
  ["LOADING", "it is still loading its data"],
  ["BUSY", "another client runs a slow script"],
  ["MASTERDOWN", "it is a replica that has lost its master"],
  ["CLUSTERDOWN", "its cluster is down"],
  ["OOM", "its memory is full; increase maxmemory, or delete jobs"],
  ["READONLY", "it is a replica, which accepts writes only from its master"],
  ["MISCONF", "it cannot save to its disk; check the disk space and the log of Redis"],
  ["NOREPLICAS", "too few replicas are connected to it"],
  ["CROSSSLOT", ONE_NODE],
  ["MOVED", ONE_NODE],
  ["NOAUTH", "it requires a password; give it in the url, or as an option of ioredis"],
  ["WRONGPASS", "the user name or the password is wrong; check both in the url, or in the options of ioredis"],
]);

/** Causes that only the text of an error shows. Versions of ioredis have different texts for a reply that is not of Redis. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/cluster support disabled/, "it is not a node of a Redis Cluster; pass its address to redisDriver as url"],
  [/DB index is out of range/, "it does not have this database; check the number in the url, or the option db"],
  [/^Unknown RESP type|^Protocol error, got/, "its reply is not a reply of Redis; check host and port"],
];

/** Returns a human-readable explanation of an error message, followed by the message. */
export function explain(message: string): string {
  const explanation = EXPLANATIONS.get(codeIn(message)) ?? CAUSES.find(([pattern]) => pattern.test(message))?.[1];
  return explanation === undefined ? message : `${explanation} (${message.replace(/^(?:ERR|@)[^-]*-/, "")})`;
}

/** Returns true for the error of a missing permission. In a script, the errors of Redis before 7.2 and of Valkey have no code. */
export function isDenial(message: string): boolean {
  return /^NOPERM|The user executing the script can't|ACL failure in script/.test(message);
}

/** Returns true for a server's error about a command that it does not have, or that its configuration renames. */
export function isUnknownCommand(message: string): boolean {
  return /^ERR unknown command |Unknown (?:\w+ )?command called from/i.test(message);
}

/** Returns the error of a call whose deadline has passed. `indeterminate`: an attempt of the call may have been applied. */
export function timeoutError({ indeterminate }: { readonly indeterminate: boolean }, reason: string): JobStoreError {
  return unavailable(`Redis did not reply in time: ${reason}.`, indeterminate);
}

/** Error of an attempt after which the call can be sent again. */
export class RetryableError extends Error {
  constructor(
    reason: string,
    /**
     * "lost": the attempt may have been applied. "busy": it was not sent, or the server rejected it for the moment. "stale": it
     * was rejected because the caller's clock offset, metadata or scripts were out of date.
     */
    readonly kind: "lost" | "busy" | "stale",
  ) {
    super(reason);
  }
}

/**
 * Classifies an error of ioredis: error replies are final, except for those of a server that is temporarily busy. All
 * other errors are errors of the connection.
 */
export function classify(error: unknown): unknown {
  if (error instanceof RetryableError || JobStoreError.is(error)) return error;
  const code = replyCode(error);
  if (code === null) return new RetryableError(reasonOf(error), isUnsent(error) ? "busy" : "lost");
  return TEMPORARY_ERRORS.has(code) ? new RetryableError(explain(reasonOf(error)), "busy") : error;
}

/** Returns true for a command that ioredis rejects without sending it. Its message names the option that causes this. */
function isUnsent(error: unknown): boolean {
  return isError(error) && error.message.includes("enableOfflineQueue");
}
