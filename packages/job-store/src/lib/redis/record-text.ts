import type { ChangeMetadata, FullJob, IndexValues, NewJob, RecordedChange, StoreConfig } from "../driver.js";

/** Returns a line of the record. Empty: the part is null. */
export function line(part: "progress" | "result" | "error", json: string | null): string {
  return json === null ? "" : `"${part}":${json},`;
}

/** Returns the metadata of a change as the text after the operation in a history entry. Empty: there is none. */
export function changeMetadataText({ by, note, key }: ChangeMetadata): string {
  if (by === undefined && note === undefined && key === undefined) return "";
  return `,${JSON.stringify({ by, note, key })}`;
}

/** Returns the beginning of a new record, up to its times. */
export function newRecordHead(status: string, ttlMs: number): string {
  return `{"version":1,"status":${JSON.stringify(status)},"attempt":1,"ttl":${ttlMs},"times":[`;
}

/** Zeros take the place of the times until the server writes them. */
const UNKNOWN_TIMES = "0000000000000,0000000000000";

/** Returns the record of a job that this operation creates. */
export function newRecordText(
  { status, metadata, data }: NewJob,
  { ttlMs, historyLimit, maxRecordBytes }: Pick<StoreConfig, "ttlMs" | "historyLimit" | "maxRecordBytes">,
  operation: string,
): string {
  const entry = `[1,null,${JSON.stringify(status)},0,"${operation}"${changeMetadataText(metadata)}]`;
  const history = historyLimit > 0 ? `,"history":[\n${entry}\n],` : `,"ops":"${operation} 0 1","history":[\n],`;
  const beginning = `${newRecordHead(status, ttlMs.get(status) ?? 0)}${UNKNOWN_TIMES}]${history}\n`;
  const end = `\n"data":${data}}`;
  const bytes = Buffer.byteLength(beginning) + Buffer.byteLength(end);
  return beginning + " ".repeat(Math.min(roomFor(bytes), Math.max(0, maxRecordBytes - bytes))) + end;
}

/** Returns the number of spaces for further changes. `roomFor` in lua/includes/record.lua does the same. */
function roomFor(bytes: number): number {
  return 64 + ((((-70 - bytes) % 128) + 128) % 128);
}

/** Returns the arguments of lua/write/save.lua from version to data, and the status. */
export function recordArgs(job: FullJob, ttlMs: number): readonly (string | number)[] {
  const status = JSON.stringify(job.status);
  const updated = job.updatedAt === job.statusAt ? "" : `,${job.updatedAt}`;
  const parts = [line("progress", job.progress), line("result", job.result), line("error", job.error)];
  return [
    ...[job.version, `,"status":${status},"attempt":${job.attempt},"ttl":${ttlMs}`, job.createdAt],
    ...[`,${job.statusAt}${updated}`, historyText(job.history) + parts.map((part) => part && `\n${part}`).join("")],
    ...[`\n"data":${job.data}}`, status],
  ];
}

/** Returns the index fields of a job, one per line. */
export function fieldLines(fields: IndexValues): string {
  if (fields.size === 0) return "";
  return Array.from(fields, ([field, value]) => fieldText(field, value)).join("\n");
}

/** Reads the text that `fieldLines` returns. */
export function readFieldLines(text: string): IndexValues {
  const lines = text === "" ? [] : text.split("\n");
  return new Map(
    lines.map((line) => {
      const end = line.indexOf("=");
      return [line.slice(0, end), JSON.parse(line.slice(end + 1))];
    }),
  );
}

/** Returns a field and its value in the form of the index. JSON text contains no line break, and no lone surrogate. */
export function fieldText(field: string, value: string): string {
  return `${field}=${JSON.stringify(value)}`;
}

/** Returns the history entries, newest first, and the end of the history. */
function historyText(history: readonly RecordedChange[]): string {
  const entries = history.map(({ version, from, to, at, by, note, key }) => {
    const metadata = changeMetadataText({ by, note, key });
    return `\n[${version},${JSON.stringify(from)},${JSON.stringify(to)},${at}${metadata && `,""${metadata}`}]`;
  });
  return `${entries.reverse().join(",")}\n],`;
}

/** Returns JSON strings, one per line, each between line breaks. Scripts search for a status in this text. */
export function statusLines(statuses: readonly string[]): string {
  return `\n${statuses.map((status) => `${JSON.stringify(status)}\n`).join("")}`;
}
