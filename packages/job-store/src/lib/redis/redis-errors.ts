import { JobStoreError, unavailable } from "../errors.js";
import { isError } from "../is-error.js";

/**
 * Errors of ioredis carry the password and every payload in `command.args`, and some messages of the server repeat
 * arguments. So they are rebuilt from the words that are known to be safe, never forwarded or attached.
 */
export function reasonOf(error: unknown): string {
  if (!isError(error)) return "unknown error";
  // Of a cluster: what its last node said to the question where the slots are.
  if ("lastNodeError" in error && isError(error.lastNodeError)) return reasonOf(error.lastNodeError);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // An AggregateError (several addresses tried) has its words in its parts.
  const parts: readonly unknown[] = "errors" in error && Array.isArray(error.errors) ? error.errors : [];
  const text = error.message || (parts.length > 0 ? reasonOf(parts[0]) : "");
  const words = text.replace(/,? with args beginning with.*$/s, "").replace(/\/\/[^@\s/]*@/g, "//***@");
  return (words || code || error.name).slice(0, 300).replace(/\.$/, "");
}

/** The code of the server's reply; null: the error is no reply. */
export function replyCode(error: unknown): string | null {
  return isError(error) && error.name === "ReplyError" ? codeIn(error.message) : null;
}

/** The code in a server's words, also where Redis 6 wraps them ("ERR Error running script …: @user_script: 7: -OOM …"). */
export function codeIn(words: string): string {
  const wrapped = /^(?:ERR Error running script|@user_script)[^-]*-([A-Z]+) /.exec(words);
  return wrapped?.[1] ?? /^[A-Z]+/.exec(words)?.[0] ?? "ERR";
}

/** Returns a hint for a server that has never replied: a server that expects TLS, or does not, is silent or closes the connection. */
export function connectionHint(reason: string, secure: boolean): string {
  if (secure) {
    const deaf = /EPROTO|ETIMEDOUT|not answered yet|before secure TLS/.test(reason);
    return deaf ? "; perhaps it does not speak TLS, then its URL begins with redis://" : "";
  }
  const hungUp = /does not answer|ECONNRESET|EPIPE/.test(reason);
  return hungUp ? "; perhaps it speaks TLS, then its URL begins with rediss://" : "";
}

/** The server is there and will take the call in a moment, or another server will. */
const TEMPORARY_ERRORS: ReadonlySet<string> = new Set([
  "LOADING",
  "BUSY",
  "TRYAGAIN",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "READONLY",
]);

/** The server is there and refuses to write. */
export const WRITE_REJECTIONS: ReadonlySet<string> = new Set(["OOM", "READONLY", "MISCONF", "NOREPLICAS"]);

const ONE_NODE = "it is a node of a Redis Cluster; pass the nodes to redisDriver as cluster: [{ host, port }]";

const EXPLANATIONS: ReadonlyMap<string, string> = new Map([
  ["LOADING", "it is still loading its data"],
  ["BUSY", "a script that runs for long keeps it busy"],
  ["MASTERDOWN", "it is a replica that has lost its master"],
  ["CLUSTERDOWN", "its cluster is down"],
  ["OOM", "its memory is full"],
  ["READONLY", "it is a replica, which only its master writes to"],
  ["MISCONF", "it cannot save to its disk"],
  ["NOREPLICAS", "too few replicas follow it"],
  ["CROSSSLOT", ONE_NODE],
  ["MOVED", ONE_NODE],
  ["NOAUTH", "it requires a password; give it in the url, or as an option of ioredis"],
  ["WRONGPASS", "it refuses the user or the password; check both in the url, or in the options of ioredis"],
]);

/** Causes that only the text of an error shows. Versions of ioredis have different texts for a reply that is not of Redis. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/cluster support disabled/, "it is not a node of a Redis Cluster; pass its address to redisDriver as url"],
  [/DB index is out of range/, "it does not have this database; check the number in the url, or the option db"],
  [/^Unknown RESP type|^Protocol error, got/, "its answer is not one of Redis; check host and port"],
];

/** Explains an error of the server in plain words, followed by its own text. */
export function explain(words: string): string {
  const meaning = EXPLANATIONS.get(codeIn(words)) ?? CAUSES.find(([pattern]) => pattern.test(words))?.[1];
  return meaning === undefined ? words : `${meaning} (${words.replace(/^(?:ERR|@)[^-]*-/, "")})`;
}

/** Whether these are a server's words for a missing permission; in a script, Redis before 7.2 and Valkey give no code. */
export function isDenial(words: string): boolean {
  return /^NOPERM|The user executing the script can't|ACL failure in script/.test(words);
}

/** Returns true for a server's error about a command that it does not have, or that its configuration renames. */
export function isUnknownCommand(words: string): boolean {
  return /^ERR unknown command |Unknown (?:\w+ )?command called from/i.test(words);
}

/** Error of a call whose time is over. `indeterminate`: an attempt of the call may have been applied. */
export function timeoutError({ indeterminate }: { readonly indeterminate: boolean }, reason: string): JobStoreError {
  return unavailable(`Redis did not answer in time: ${reason}.`, indeterminate);
}

/** An attempt failed in a way that allows another attempt of the same call. */
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
 * Classifies an error of ioredis: replies of the server are definite, except for those of a server that is busy for the moment. All
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
