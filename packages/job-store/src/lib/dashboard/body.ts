import { badRequest } from "./reply.js";

/** Body of a request: a JSON object with unchecked values. */
export type Body = Readonly<Record<string, unknown>>;

/** Checks of the values in a body. Each throws a DashboardError that names the key. */

export function textIn(body: Body, key: string, maxLength = 10_000): string {
  const value = optionalText(body, key, maxLength);
  if (value === undefined || value === "") throw badRequest(`\`${key}\` must be a text.`);
  return value;
}

export function optionalText(body: Body, key: string, maxLength = 10_000): string | undefined {
  const value = body[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value.length > maxLength) {
    throw badRequest(`\`${key}\` must be a text of at most ${maxLength} characters.`);
  }
  return value;
}

/** Returns the time of an ISO 8601 text with a zone. */
export function optionalTime(body: Body, key: string): Date | undefined {
  const text = optionalText(body, key, 64);
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw badRequest(`\`${key}\` must be a time in UTC, such as 2026-12-31T18:00:00Z.`);
  return new Date(time);
}

export function oneOf<T extends string>(body: Body, key: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === body[key]);
  if (found === undefined) throw badRequest(`\`${key}\` must be one of: ${allowed.join(", ")}.`);
  return found;
}

export function integerIn(value: unknown, key: string, from: number, to: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= from && value <= to) return value;
  throw badRequest(`\`${key}\` must be an integer from ${from} to ${to}.`);
}

/** Returns a filter by one field. undefined: none. */
export function whereIn(body: Body): Readonly<Record<string, string>> | undefined {
  const { where } = body;
  if (where === undefined || where === null) return undefined;
  if (typeof where !== "object" || !Object.values(where).every((value) => typeof value === "string")) {
    throw badRequest("`where` must be an object with one field and its value.");
  }
  return where as Readonly<Record<string, string>>;
}

/** Returns an array of 1 to `max` objects or texts. */
export function listIn(body: Body, key: string, max: number): readonly unknown[] {
  const value = body[key];
  if (Array.isArray(value) && value.length >= 1 && value.length <= max) return value;
  throw badRequest(`\`${key}\` must be an array of 1 to ${max} elements.`);
}

export function objectIn(value: unknown, key: string): Body {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  throw badRequest(`\`${key}\` must be an object.`);
}
