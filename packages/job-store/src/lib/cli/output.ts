/** Where a command writes. */
export interface Output {
  readonly json: boolean;
  /** Rows of a table, each under its heading; or one JSON line for each value. */
  rows(values: readonly Readonly<Record<string, unknown>>[], columns?: readonly Column[]): void;
  /** A JSON line, for whomever. */
  line(value: unknown): void;
  /** Something for people, beside the output. */
  note(line: string): void;
}

/** A heading, and what stands under it. */
export type Column = readonly [heading: string, of: (value: Readonly<Record<string, unknown>>) => unknown];

export function createOutput(json: boolean, write: (text: string) => void, note: (text: string) => void): Output {
  const line = (value: unknown) => write(`${JSON.stringify(value)}\n`);
  return {
    json,
    line,
    rows: (values, columns) => {
      if (json) for (const value of values) line(value);
      else write(table(values, columns ?? columnsOf(values)));
    },
    note: (text) => note(`${text}\n`),
  };
}

function columnsOf(values: readonly Readonly<Record<string, unknown>>[]): readonly Column[] {
  return Object.keys(values[0] ?? {}).map((name) => [name, (value) => value[name]]);
}

const LONGEST_CELL = 60;

function table(values: readonly Readonly<Record<string, unknown>>[], columns: readonly Column[]): string {
  const rows = [
    columns.map(([heading]) => heading),
    ...values.map((value) => columns.map(([, of]) => cell(of(value)))),
  ];
  const widths = columns.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((text, n) => text.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** Control characters could move the cursor or ring the bell: what strangers stored is shown, not obeyed. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (value instanceof Date) return value.toISOString().replace("T", " ").slice(0, 19);
  const text = plain(typeof value === "string" ? value : JSON.stringify(value));
  return text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL - 1)}…` : text;
}

export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
