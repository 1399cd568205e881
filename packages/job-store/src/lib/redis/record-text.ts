import type { Fields, NewJob, RecordedChange, Remark, StoreShape, WholeJob } from "../driver.js";

/** A line of the record; blank where the part is null. */
export function line(part: "progress" | "result" | "error", json: string | null): string {
  return json === null ? "" : `"${part}":${json},`;
}

/** What follows the time in a history entry. */
export function remarkText({ by, note, key }: Remark): string {
  if (by === undefined && note === undefined && key === undefined) return "";
  return `,${JSON.stringify({ by, note, key })}`;
}

/** Beginning of a new record, up to its times. */
export function newRecordHead(status: string, ttlMs: number): string {
  return `{"version":1,"status":${JSON.stringify(status)},"attempt":1,"ttl":${ttlMs},"times":[`;
}

/** Zeros take the place of the times until the server writes them. */
const UNKNOWN_TIMES = "0000000000000,0000000000000";

/** Text of a job that is created by this operation. */
export function newRecordText(
  { status, remark, data }: NewJob,
  { ttlMs, historyLimit, maxRecordBytes }: Pick<StoreShape, "ttlMs" | "historyLimit" | "maxRecordBytes">,
  operation: string,
): string {
  const entry = `[1,null,${JSON.stringify(status)},0,"${operation}"${remarkText(remark)}]`;
  const history = historyLimit > 0 ? `,"history":[\n${entry}\n],` : `,"ops":"${operation} 0 1","history":[\n],`;
  const beginning = `${newRecordHead(status, ttlMs.get(status) ?? 0)}${UNKNOWN_TIMES}]${history}\n`;
  const end = `\n"data":${data}}`;
  const bytes = Buffer.byteLength(beginning) + Buffer.byteLength(end);
  return beginning + " ".repeat(Math.min(roomFor(bytes), Math.max(0, maxRecordBytes - bytes))) + end;
}

/** Room for further changes, as by `withRoom` in lua/includes/record.lua. */
function roomFor(bytes: number): number {
  return 64 + ((((-70 - bytes) % 128) + 128) % 128);
}

/** A whole job as lua/write/save.lua takes it: version to data, and the status. */
export function recordArgs(job: WholeJob, ttlMs: number): readonly (string | number)[] {
  const status = JSON.stringify(job.status);
  const updated = job.updatedAt === job.statusAt ? "" : `,${job.updatedAt}`;
  const parts = [line("progress", job.progress), line("result", job.result), line("error", job.error)];
  return [
    ...[job.version, `,"status":${status},"attempt":${job.attempt},"ttl":${ttlMs}`, job.createdAt],
    ...[`,${job.statusAt}${updated}`, historyText(job.history) + parts.map((part) => part && `\n${part}`).join("")],
    ...[`\n"data":${job.data}}`, status],
  ];
}

/** What a job can be found by, one field a line. */
export function fieldLines(fields: Fields): string {
  if (fields.size === 0) return "";
  return Array.from(fields, ([field, value]) => fieldText(field, value)).join("\n");
}

/** Reads what `fieldLines` has written. */
export function readFieldLines(text: string): Fields {
  const lines = text === "" ? [] : text.split("\n");
  return new Map(
    lines.map((line) => {
      const end = line.indexOf("=");
      return [line.slice(0, end), JSON.parse(line.slice(end + 1))];
    }),
  );
}

/** A field and its value as the index orders them. JSON text holds no raw line break, and no lone surrogate. */
export function fieldText(field: string, value: string): string {
  return `${field}=${JSON.stringify(value)}`;
}

/** The entries, newest first, and the end of the history. */
function historyText(history: readonly RecordedChange[]): string {
  const entries = history.map(({ version, from, to, at, by, note, key }) => {
    const remark = remarkText({ by, note, key });
    return `\n[${version},${JSON.stringify(from)},${JSON.stringify(to)},${at}${remark && `,""${remark}`}]`;
  });
  return `${entries.reverse().join(",")}\n],`;
}

/** JSON strings, one a line, each between line breaks, as the scripts look statuses up. */
export function statusLines(statuses: readonly string[]): string {
  return `\n${statuses.map((status) => `${JSON.stringify(status)}\n`).join("")}`;
}
