/** Something that is measured by itself. Suites run one after the other, each with servers of its own. */
export interface Suite {
  /** As `--only` takes it. */
  readonly name: string;
  measure(run: Run): Promise<readonly Section[]>;
}

/** What a suite is told of the run it is part of. */
export interface Run {
  /** Not limited to five minutes: more rounds, the largest stores. */
  readonly full: boolean;
  readonly say: (line: string) => void;
}

/** Of the report: a table, and the ratios that are held against a target. */
export interface Section {
  readonly title: string;
  /** What was done, in Markdown. */
  readonly about: string;
  readonly table: Table;
  readonly ratios: readonly Ratio[];
  readonly plot?: Plot;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A figure that is the same on a slow machine and a fast one, more or less. */
export interface Ratio {
  /** Stays the same from run to run, for comparing: "get 64: store / raw auto-pipelined". */
  readonly name: string;
  readonly value: Spread;
  readonly wanted: Wanted;
}

export type Wanted = { readonly atLeast: number } | { readonly atMost: number };

/** The median of several rounds, and the middle half of them. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Bars, longest the best. */
export interface Plot {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly { readonly title: string; readonly bars: readonly Bar[] }[];
}

export interface Bar {
  readonly title: string;
  readonly value: number;
  readonly ours: boolean;
}
