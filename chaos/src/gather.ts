import { readFileSync } from "node:fs";
import { type Client, readLines } from "./fleet.js";
import type { Run } from "./oracle/run.js";
import type { Line } from "./record.js";

type Gathered = Pick<Run, "operations" | "watched" | "received" | "written" | "killed"> & { readonly cut: boolean };

/** Puts together what all client processes wrote down. */
export function gather(clients: readonly Client[]): Gathered {
  const journals = clients.flatMap((client) => client.journals);
  const lines = journals.flatMap(readLines);
  const settled = new Map(ofKind(lines, "settled").map(({ op, line: _, ...rest }) => [op, rest]));
  return {
    operations: ofKind(lines, "begun").map(({ line: _, ...begun }) => ({
      ...begun,
      settled: settled.get(begun.op) ?? null,
    })),
    watched: ofKind(lines, "seen").map(({ event }) => event),
    received: ofKind(lines, "received"),
    written: [...journals.map((path) => readFileSync(path, "utf8")), ...clients.map((client) => client.output())],
    killed: new Set(clients.flatMap(({ killed }) => killed)),
    cut: lines.some(({ line }) => line === "cut"),
  };
}

function ofKind<K extends Line["line"]>(lines: readonly Line[], kind: K): readonly Extract<Line, { line: K }>[] {
  return lines.filter((line): line is Extract<Line, { line: K }> => line.line === kind);
}
