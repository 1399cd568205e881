import type { Violation } from "./checker/recording.js";

/** Replacement in a Lua script or in a module that removes a guarantee. */
export interface Edit {
  readonly find: RegExp;
  readonly replace: string;
}

interface Mutant {
  /** Edit of a script on its way to the server. null: none. */
  readonly edit: Edit | null;
  /** Edit of a module of `@subtitles/queue`. null: none. */
  readonly libraryEdit: Edit | null;
  /** Kinds of faults that reveal the defect. */
  readonly faults: RegExp;
  /** Guarantees of which the checker must find at least one violated. */
  readonly violates: readonly (Violation["guarantee"] | "records are readable")[];
}

/**
 * Mutants: deliberately broken variants of the product. A test of the checker, which must detect each of them. The packages
 * contain no switches for this: a mutant edits the scripts that a client sends or the modules that it loads, or is a client that uses the
 * packages incorrectly.
 */
export const mutants = {
  "no deadline": {
    edit: { find: /^if now > ARGV\[2\] then return \{ 'late' \} end$(?=[\s\S]*^if metadata\[4\])/m, replace: "" },
    libraryEdit: null,
    faults: /^(redis stopped|CLIENT PAUSE|connection to redis slow)$/,
    violates: ["a change is applied only during its call"],
  },
  "no operation id": {
    edit: { find: /^( *local function versionOf\(.*\))$/m, replace: "$1 do return nil end" },
    libraryEdit: null,
    faults: /^(replies of redis lost|CLIENT KILL|connection to redis cut)$/,
    violates: [
      "an acknowledged change is applied once",
      "a rejected change is not applied",
      "an indeterminate change is applied at most once",
    ],
  },
  "no lifecycle check": {
    edit: { find: /if not head\.legal then/, replace: "if false then" },
    libraryEdit: null,
    faults: /^SCRIPT FLUSH$/,
    violates: ["transitions are allowed and versions are consecutive"],
  },
  "no index removal": {
    edit: {
      find: /(unpack\(deletedKeys\)\)\s+)redis\.call\('ZREM', KEYS\[2\], unpack\(deletedIds\)\)/,
      replace: "$1",
    },
    libraryEdit: null,
    faults: /^SCRIPT FLUSH$/,
    violates: ["the indexes match the jobs"],
  },
  "in-place write over the data": {
    edit: { find: /^ *local spare = data - 1 - length$/m, replace: "local spare = data + 60 - length" },
    libraryEdit: null,
    faults: /^SCRIPT FLUSH$/,
    violates: ["records are readable"],
  },
  "head of another job": {
    edit: { find: /heads\[beginning\] or headOf\(beginning\)/, replace: "select(2, next(heads)) or headOf(beginning)" },
    libraryEdit: null,
    faults: /^SCRIPT FLUSH$/,
    violates: ["transitions are allowed and versions are consecutive"],
  },
  "no outbox": {
    edit: null,
    libraryEdit: null,
    faults: /^(client kill -9|connection to broker|broker stopped)/,
    violates: ["a change and its message are stored together", "accepted work ends exactly once"],
  },
  "acknowledge before the claim": {
    edit: null,
    libraryEdit: { find: /const \{ jobId \} = request;/, replace: "$& this.#item.delivery.acknowledge();" },
    faults: /^(client kill -9|redis stopped|connection to redis refused)$/,
    violates: ["a change and its message are stored together", "accepted work ends exactly once"],
  },
  "a job with a lease can be claimed": {
    edit: {
      find: /if state\.lease == 'o' or state\.lease == 'w' then(\s+if not covers)/,
      replace: "if false then$1",
    },
    libraryEdit: null,
    faults: /^connection to broker cut$/,
    violates: ["a job has one worker at a time"],
  },
  "the end of a lease sends nothing": {
    edit: { find: /local size = works\.send\(id, id, state, .*\)/, replace: "local size = 0" },
    libraryEdit: null,
    faults: /^client kill -9$/,
    violates: ["accepted work ends exactly once"],
  },
  "a request during a run is dropped": {
    edit: { find: /if not covers\(.*\) then/, replace: "if false then" },
    libraryEdit: null,
    faults: /^SCRIPT FLUSH$/,
    violates: ["accepted work ends exactly once"],
  },
  "an outage counts as lease time": {
    edit: { find: /local isAway = gap and .*/, replace: "local isAway = false" },
    libraryEdit: null,
    faults: /^redis kill -9 for longer than a lease$/,
    violates: ["a job has one worker at a time"],
  },
} as const satisfies Record<string, Mutant>;

export type MutantName = keyof typeof mutants;

export function publishesWithoutOutbox(mutant: MutantName | null): boolean {
  return mutant === "no outbox";
}
