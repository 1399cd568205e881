import { invalid } from "./arguments.js";
import { describeFault } from "./json.js";
import { sha256 } from "./sha256.js";
import { toBase64url } from "./utf8.js";

/**
 * Derives a job id from content, so that requests with equal content become one job: `create(data, { id: idFrom(data) })`.
 * Returns 22 characters of A–Z a–z 0–9 _ - which are 128 bits of SHA-256 over canonical JSON (RFC 8785).
 *
 * - The order of keys has no effect, the order of a list has. Members that are undefined count as absent, and -0 as 0.
 * - Half of a surrogate pair is hashed as its JSON escape, so that different texts get different ids.
 * - If the schema fills in defaults, pass the parsed value: otherwise a default and the same value written out get different ids.
 * - A failed job keeps its id. Request it again with a retry.
 *
 * @throws JobStoreError INVALID_ARGUMENT if the content is not JSON: a Date, NaN, a bigint, a function, undefined, or an object that
 *   contains itself
 */
export function idFrom(content: unknown): string {
  const fault = describeFault(content, "content");
  if (fault !== null) return invalid(`idFrom requires JSON: ${fault}.`);
  const hash = sha256(new TextEncoder().encode(canonicalJson(content)));
  return toBase64url(hash.subarray(0, 16));
}

/** Returns JSON text that is the same for equal values: without spaces, and with the keys in the order of their UTF-16 code units. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
