import type { Violation } from "./oracle/recording.js";

/** Replacement in a Lua script that removes a guarantee. */
export interface ScriptEdit {
  readonly find: RegExp;
  readonly replace: string;
}

interface Mutant {
  /** Edit of a script on its way to the server. null: the clients themselves behave incorrectly. */
  readonly edit: ScriptEdit | null;
  /** Kinds of faults that reveal the defect. */
  readonly faults: RegExp;
  /** Guarantees of which the oracle must find at least one violated. */
  readonly violates: readonly (Violation["guarantee"] | "records are readable")[];
}

/**
 * Mutants: deliberately broken variants of the product. A test of the oracle, which must detect each of them. The packages
 * contain no switches for this: a mutant edits the scripts that a client sends, or is a client that uses the packages incorrectly.
 */
export const mutants = {
  "no deadline": {
    edit: { find: /^if now > ARGV\[2\] then return \{ 'late' \} end$/m, replace: "" },
    faults: /^(redis stopped|CLIENT PAUSE|connection to redis slow)$/,
    violates: ["a change is applied only during its call"],
  },
  "no operation id": {
    edit: { find: /^( *local function versionOf\(.*\))$/m, replace: "$1 do return nil end" },
    faults: /^(replies of redis lost|CLIENT KILL|connection to redis cut)$/,
    violates: [
      "an acknowledged change is applied once",
      "a rejected change is not applied",
      "an indeterminate change is applied at most once",
    ],
  },
  "no lifecycle check": {
    edit: { find: /if not head\.legal then/, replace: "if false then" },
    faults: /^SCRIPT FLUSH$/,
    violates: ["transitions are allowed and versions are consecutive"],
  },
  "no index removal": {
    edit: {
      find: /redis\.call\('ZREM', KEYS\[2\], unpack\(deletedIds\)\)(\s+redis\.call\('ZREM', KEYS\[3\], unpack\(deletedIds\)\)\s+known)/,
      replace: "$1",
    },
    faults: /^SCRIPT FLUSH$/,
    violates: ["the indexes match the jobs"],
  },
  "in-place write over the data": {
    edit: { find: /^ *local spare = data - 1 - #head$/m, replace: "local spare = data + 60 - #head" },
    faults: /^SCRIPT FLUSH$/,
    violates: ["records are readable"],
  },
  "head of another job": {
    edit: { find: /heads\[beginning\] or headOf\(beginning\)/, replace: "select(2, next(heads)) or headOf(beginning)" },
    faults: /^SCRIPT FLUSH$/,
    violates: ["transitions are allowed and versions are consecutive"],
  },
  "no outbox": {
    edit: null,
    faults: /^(client kill -9|connection to broker|broker stopped)/,
    violates: ["a change and its message are stored together", "accepted work is done exactly once"],
  },
  "acknowledge before storing": {
    edit: null,
    faults: /^(client kill -9|redis stopped|connection to redis refused)$/,
    violates: ["accepted work is done exactly once"],
  },
} as const satisfies Record<string, Mutant>;

export type MutantName = keyof typeof mutants;

export function publishesWithoutOutbox(mutant: MutantName | null): boolean {
  return mutant === "no outbox";
}

export function acknowledgesFirst(mutant: MutantName | null): boolean {
  return mutant === "acknowledge before storing";
}
