import { isError } from "../errors.js";
import { shorten } from "../text.js";

/** Number of causes that are searched for a code. */
const MAX_CAUSES = 5;
const NOT_AN_ERROR = "The work threw a value that is not an error.";
const NOT_READABLE = "The work threw an error whose message cannot be read.";

/**
 * Returns the text that is stored for a value that `run` threw. The message of a system error can name paths and addresses, so only
 * its code and its system call are stored. Never throws, although a property of the value can.
 */
export function failureText(error: unknown): string {
  try {
    if (!isError(error)) return NOT_AN_ERROR;
    if ("syscall" in error && "code" in error && typeof error.syscall === "string" && typeof error.code === "string") {
      return shorten(`${error.code} (system call ${error.syscall})`);
    }
    const { message, name } = error;
    return typeof message === "string" && message !== "" ? shorten(message) : shorten(String(name));
  } catch {
    return NOT_READABLE;
  }
}

/**
 * Returns the text that is stored for an error that is retried: `failureText`, and the code of its cause. `fetch`, for example, throws
 * "fetch failed" for every network error, and only the code of its cause says which one. Never throws.
 */
export function retriedText(error: unknown): string {
  const text = failureText(error);
  const code = codeOfCause(error);
  return code === null || text.includes(code) ? text : shorten(`${text}: ${code}`);
}

/** Returns the code of the nearest cause that has one, with its system call; null if there is none. The chain can be a circle. */
function codeOfCause(error: unknown): string | null {
  try {
    let next = error;
    for (let depth = 0; depth < MAX_CAUSES; depth++) {
      const cause = isError(next) ? next.cause : undefined;
      if (!isError(cause)) return null;
      next = cause;
      if (!("code" in cause) || typeof cause.code !== "string" || cause.code === "") continue;
      const { code } = cause;
      return "syscall" in cause && typeof cause.syscall === "string" ? `${code} (system call ${cause.syscall})` : code;
    }
    return null;
  } catch {
    return null;
  }
}
