/**
 * Returns true for every error, including an error of another realm. Jest and `vm` run code in a realm whose `Error` is not
 * the `Error` of Node's own modules, so `instanceof` alone does not recognise the errors of `fetch` or of a socket there.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || ERRORS.has(Object.prototype.toString.call(value));
}

const ERRORS: ReadonlySet<string> = new Set(["[object Error]", "[object DOMException]"]);
