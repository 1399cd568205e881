/** Returns true for an error of any realm: in Jest, for example, errors of Node itself are not instances of the Error of the tests. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || /^\[object (?:Error|DOMException)\]$/.test(Object.prototype.toString.call(value));
}
