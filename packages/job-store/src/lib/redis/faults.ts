import { type JobStoreError, unavailable } from "../errors.js";
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
  return (words || code || error.name).slice(0, 300);
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

/** What a server that was never met may be waiting for; each end of TLS falls silent, or hangs up, without the other. */
export function suspicion(reason: string, secure: boolean): string {
  if (secure) {
    const deaf = /EPROTO|ETIMEDOUT|not answered yet|before secure TLS/.test(reason);
    return deaf ? "; perhaps it does not speak TLS, then its URL begins with redis://" : "";
  }
  const hungUp = /does not answer|ECONNRESET|EPIPE/.test(reason);
  return hungUp ? "; perhaps it speaks TLS, then its URL begins with rediss://" : "";
}

/** The server is there and will take the call in a moment, or another server will. */
export const PASSING: ReadonlySet<string> = new Set([
  "LOADING",
  "BUSY",
  "TRYAGAIN",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "READONLY",
]);

/** The server is there and refuses to write. */
export const REFUSES_WRITES: ReadonlySet<string> = new Set(["OOM", "READONLY", "MISCONF", "NOREPLICAS"]);

const ONE_NODE = "it is a node of a Redis Cluster; pass the nodes to redisDriver as cluster: [{ host, port }]";

const MEANING: ReadonlyMap<string, string> = new Map([
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
]);

/** A server's words, after what they mean for the store. */
export function inPlainWords(words: string): string {
  const meaning = MEANING.get(codeIn(words));
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

/** The end of a call's time. `doubtful`: an attempt of it may have been carried out. */
export function outOfTime({ doubtful }: { readonly doubtful: boolean }, reason: string): JobStoreError<"UNAVAILABLE"> {
  return unavailable(`Redis did not answer in time: ${reason}.`, doubtful);
}

/** A key of ours holds something that is not ours. Only the caller knows which job that makes unreadable. */
export class WrongType extends Error {}
