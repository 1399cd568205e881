import { JobStoreError } from "../errors.js";

/**
 * Errors of ioredis carry the password and every payload in `command.args`, and some messages of the server repeat
 * arguments. So they are rebuilt from the words that are known to be safe, never forwarded or attached.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // An AggregateError (several addresses tried) has its words in its parts.
  const text = error.message || (error instanceof AggregateError ? reasonOf(error.errors[0]) : "");
  const words = text.replace(/,? with args beginning with.*$/s, "").replace(/\/\/[^@\s/]*@/g, "//***@");
  return (words || code || error.name).slice(0, 300);
}

/** The code of the server's reply, also where Redis 6 wraps it ("ERR Error running script …: -OOM …"); null: no reply. */
export function replyCode(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== "ReplyError") return null;
  const wrapped = /^ERR Error running script[^-]*-([A-Z]+) /.exec(error.message);
  return wrapped?.[1] ?? /^[A-Z]+/.exec(error.message)?.[0] ?? "ERR";
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

export function unavailable(message: string, indeterminate: boolean): JobStoreError<"UNAVAILABLE"> {
  const outcome = indeterminate
    ? "The call was carried out once or not at all, and will not be carried out later."
    : "The call was not carried out.";
  return new JobStoreError("UNAVAILABLE", `${message} ${outcome}`, { indeterminate });
}

/** A key of ours holds something that is not ours. Only the caller knows which job that makes unreadable. */
export class WrongType extends Error {}
