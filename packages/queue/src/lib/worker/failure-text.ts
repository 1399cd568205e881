import { isError } from "../errors.js";
import { toWellFormed } from "../text.js";

/** Maximum length of a stored error. */
const MAX_LENGTH = 300;
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

/** Cuts a text at the maximum length of a stored error. */
export function shorten(text: string): string {
  return toWellFormed(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text);
}
