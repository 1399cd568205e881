import type { Fields, RecordedChange, Remark, WholeJob } from "../driver.js";

/** A line of the record; blank where the part is null. */
export function line(part: "progress" | "result" | "error" | "data", json: string | null): string {
  return json === null ? "" : `"${part}":${json},`;
}

/** What follows the time in a history entry. */
export function remarkText({ by, note, key }: Remark): string {
  if (by === undefined && note === undefined && key === undefined) return "";
  return `,${JSON.stringify({ by, note, key })}`;
}

/** A whole job, from its version on, as lua/save.lua takes it. */
export function wholeArgs(job: WholeJob): readonly (string | number)[] {
  return [
    ...[job.version, job.attempt, job.createdAt, job.updatedAt, job.statusAt],
    ...[line("progress", job.progress), line("result", job.result), line("error", job.error)],
    ...[line("data", job.data), historyText(job.history, job.createdAt)],
    fieldLines(job.fields),
  ];
}

/** What a job can be found by, one field a line. */
export function fieldLines(fields: Fields): string {
  if (fields.size === 0) return "";
  return Array.from(fields, ([field, value]) => fieldText(field, value)).join("\n");
}

/** A field and its value as the index orders them. JSON text holds no raw line break, and no lone surrogate. */
export function fieldText(field: string, value: string): string {
  return `${field}=${JSON.stringify(value)}`;
}

function historyText(history: readonly RecordedChange[], createdAt: number): string {
  const entries = history.map(
    ({ version, from, to, at, by, note, key }) =>
      `\n[${version},${JSON.stringify(from)},${JSON.stringify(to)},${at - createdAt}${remarkText({ by, note, key })}]`,
  );
  return entries.join(",");
}

/** JSON strings, one a line, each between line breaks, as the scripts look statuses up. */
export function statusLines(statuses: readonly string[]): string {
  return `\n${statuses.map((status) => `${JSON.stringify(status)}\n`).join("")}`;
}
