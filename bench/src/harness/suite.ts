/** Group of measurements. Suites run one after another, each with its own servers. */
export interface Suite {
  /** Name for `--only`. */
  readonly name: string;
  measure(run: Run): Promise<readonly Section[]>;
}

/** Options of a run, passed to each suite. */
export interface Run {
  /** True for `--full`: more rounds and larger datasets. */
  readonly full: boolean;
  readonly log: (line: string) => void;
}

/** Section of the report: a table, and the ratios that have a target. */
export interface Section {
  readonly title: string;
  /** Description of the measurement, in Markdown. */
  readonly about: string;
  readonly table: Table;
  readonly ratios: readonly Ratio[];
  readonly plot?: Plot;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Ratio of two measurements of one run. It depends less on the speed of the machine than the measurements do. */
export interface Ratio {
  /** Key for `--compare`. The same ratio has the same name in every run, for example "get 64: store / raw auto-pipelined". */
  readonly name: string;
  readonly value: Spread;
  /** Target. */
  readonly wanted: Wanted;
}

export type Wanted = { readonly atLeast: number } | { readonly atMost: number };

/** Median and quartiles of several rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Bar chart. Longer bars are better. */
export interface Plot {
  /** Name of the file, without extension. */
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
