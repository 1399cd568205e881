/** Output of a command. */
export interface Output {
  readonly json: boolean;
  /** Writes a table with one row per value, or one JSON line per value. */
  rows(values: readonly object[], columns?: readonly Column[]): void;
  /** Writes a row of cells, or a value as a JSON line. */
  row(value: object, ...cells: readonly string[]): void;
  /** Writes a JSON line, also if the output is a table. */
  line(value: unknown): void;
  /** Writes an empty line between two tables. */
  space(): void;
  /** Writes a human-readable line to standard error. */
  note(line: string): void;
}

type Row = Readonly<Record<string, unknown>>;

/** Column of a table: its heading, and the function that returns the cell for a value. */
export type Column = readonly [heading: string, of: (value: Row) => unknown];

export function createOutput(json: boolean, write: (text: string) => void, note: (text: string) => void): Output {
  const line = (value: unknown) => write(`${JSON.stringify(value)}\n`);
  const rows: Output["rows"] = (values, columns) => {
    // The type of an interface has no index signature, so the compiler needs the cast below.
    if (json) for (const value of values) line(value);
    else write(table(values as readonly Row[], columns ?? columnsOf(values)));
  };
  return {
    json,
    line,
    rows,
    row: (value, ...cells) =>
      rows(
        [value],
        cells.map((text) => ["", () => text]),
      ),
    space: () => write("\n"),
    note: (text) => note(`${text}\n`),
  };
}

function columnsOf(values: readonly object[]): readonly Column[] {
  return Object.keys(values[0] ?? {}).map((name) => [name, (value) => value[name]]);
}

const MAX_CELL_LENGTH = 60;

/** Formats a table. Cells are shortened so that a row fits on a line, except in the last column. */
function table(values: readonly Row[], columns: readonly Column[]): string {
  const headings = columns.map(([heading]) => heading);
  const rows = values.map((value) => columns.map(([, of], n) => cell(of(value), n === columns.length - 1)));
  if (headings.some((heading) => heading !== "")) rows.unshift(headings);
  const widths = columns.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((text, n) => text.padEnd(widths[n] ?? 0)).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** Formats a cell. Control characters are replaced, because a stored value could otherwise control the terminal. */
function cell(value: unknown, whole: boolean): string {
  if (value === null || value === undefined) return "-";
  if (value instanceof Date) return `${value.toISOString().replace("T", " ").slice(0, 19)}Z`;
  const text = plain(typeof value === "string" ? value : JSON.stringify(value));
  return text.length > MAX_CELL_LENGTH && !whole ? `${text.slice(0, MAX_CELL_LENGTH - 1)}…` : text;
}

/** Formats a number with its noun: "1 job", "2 jobs". */
export function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? "" : "s"}`;
}

/** Replaces control characters by spaces. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
