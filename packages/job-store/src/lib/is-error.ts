/**
 * Returns true for every error, including an error of another realm. In Jest, for example, the errors of Node's own modules are
 * not instances of the `Error` of the tests.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || /^\[object (?:Error|DOMException)\]$/.test(Object.prototype.toString.call(value));
}
