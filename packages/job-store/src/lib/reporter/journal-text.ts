import type { JobDefinition } from "../definition.js";
import { JobStoreError, type JobStoreErrorCode, type JobStoreErrorFields } from "../errors.js";
import { builtIn } from "./built-in.js";
import type { Fence, Report } from "./report.js";

/**
 * A journal is lines of `<checksum> <JSON>`: first a header that names the definition, then one for each change that waits,
 * one for each that the store refused, and one for each that is settled: stored, or refused and told.
 */
interface Header {
  readonly journal: 1;
  readonly definition: string;
}

/** A change as it stands in the journal; its parts are still to be checked. */
export interface JournaledChange {
  readonly key: string;
  readonly id: string;
  readonly to: string;
  readonly at: number;
  readonly fence: Fence | null;
  readonly change: object;
}

/** Why a change was refused, as it stands in the journal until somebody has been told. */
interface Refusal {
  readonly refused: string;
  readonly error: JobStoreErrorFields & { readonly code: JobStoreErrorCode; readonly message: string };
}

export function headerLine(definition: string): string {
  return line({ journal: 1, definition } satisfies Header);
}

export function changeLine<D extends JobDefinition>({ key, id, to, reportedAt, fence, change }: Report<D>): string {
  return line({ key, id, to, at: reportedAt, fence, change } satisfies JournaledChange);
}

/** The version is where a settled change left its snapshot: what follows goes on from there. */
export function settledLine({ key, fence }: { readonly key: string; readonly fence: Fence | null }): string {
  return line({ settled: key, version: fence?.version });
}

export function refusedLine(key: string, { message, ...fields }: JobStoreError): string {
  return line({ refused: key, error: { ...fields, message } } satisfies Refusal);
}

function line(value: object): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

function checksum(json: string): string {
  return builtIn("node:crypto").createHash("sha256").update(json).digest("hex").slice(0, 16);
}

/** What a journal holds. */
export interface JournalContent {
  /** Changes that were not settled, in the order of their acceptance. */
  readonly waiting: readonly (JournaledChange & { refusal?: JobStoreError })[];
  /** Numbers, from 1, of lines that are damaged or make no sense. */
  readonly damaged: readonly number[];
  /** null: the header is missing or damaged. */
  readonly definition: string | null;
}

/** Reads whatever is there: a line that is damaged costs that line and no other. */
export function readJournal(text: string): JournalContent {
  const waiting = new Map<string, JournaledChange & { refusal?: JobStoreError }>();
  const fences = new Map<string, Fence>();
  const damaged: number[] = [];
  let definition: string | null = null;
  // What follows the last line break was being written when its writer died: nobody was told that it was accepted.
  const lines = text.split("\n").slice(0, -1);
  for (const [index, one] of lines.entries()) {
    const value = parseLine(one);
    if (isHeader(value)) definition = value.definition;
    else if (isSettled(value)) {
      const fence = waiting.get(value.settled)?.fence;
      if (fence && value.version !== undefined) fence.version = value.version;
      waiting.delete(value.settled);
    } else if (isRefusal(value)) {
      const change = waiting.get(value.refused);
      const { code, message, ...fields } = value.error;
      if (change) change.refusal = new JobStoreError(code, message, fields);
    } else if (isChange(value)) {
      const fence = value.fence && (fences.get(value.fence.name) ?? value.fence);
      if (fence) fences.set(fence.name, fence);
      waiting.set(value.key, { ...value, fence });
    } else damaged.push(index + 1);
  }
  return { waiting: [...waiting.values()], damaged, definition };
}

function parseLine(one: string): object | null {
  const json = one.slice(17);
  if (one[16] !== " " || one.slice(0, 16) !== checksum(json)) return null;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function isHeader(value: object | null): value is Header {
  return value !== null && "journal" in value && "definition" in value && typeof value.definition === "string";
}

function isSettled(value: object | null): value is { settled: string; version?: number } {
  if (value === null || !("settled" in value) || typeof value.settled !== "string") return false;
  return !("version" in value) || isVersion(value.version);
}

function isRefusal(value: object | null): value is Refusal {
  if (value === null || !("refused" in value) || typeof value.refused !== "string" || !("error" in value)) return false;
  const { error } = value as { error: unknown };
  if (typeof error !== "object" || error === null) return false;
  const { code, message } = error as Partial<Record<string, unknown>>;
  return typeof code === "string" && typeof message === "string";
}

function isChange(value: object | null): value is JournaledChange {
  if (value === null) return false;
  const { key, id, to, at, fence, change } = value as Partial<Record<keyof JournaledChange, unknown>>;
  return (
    typeof id === "string" &&
    typeof to === "string" &&
    typeof key === "string" &&
    /^[\w-]{1,64}$/.test(key) &&
    Number.isSafeInteger(at) &&
    (fence === null || isFence(fence)) &&
    typeof change === "object" &&
    change !== null
  );
}

function isFence(value: unknown): value is Fence {
  if (typeof value !== "object" || value === null) return false;
  const { name, createdAt, version } = value as Partial<Record<string, unknown>>;
  return (
    typeof name === "string" && Number.isSafeInteger(createdAt) && (createdAt as number) >= 0 && isVersion(version)
  );
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
