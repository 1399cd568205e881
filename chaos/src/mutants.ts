import { createHash } from "node:crypto";
import { redisDriver } from "@subtitles/job-store/redis";
import { type Command, Redis, type RedisOptions } from "ioredis";
import type { Settings } from "./client/settings.js";
import { STORE_TIMEOUT_MS } from "./client/settings.js";
import type { Violation } from "./oracle/run.js";

/** Takes a guarantee out of a script on its way to the server. */
interface Cut {
  readonly find: RegExp;
  readonly put: string;
}

interface Mutant {
  /** null: the clients themselves do it wrong. */
  readonly cut: Cut | null;
  /** The kinds of fault that bring it out. */
  readonly faults: RegExp;
  /** What the oracle has to find broken, one of these at least. */
  readonly breaks: readonly (Violation["promise"] | "records can be read")[];
}

/**
 * Ways to break the product, each of which a run must find out: that tests the harness. The packages have no switches for
 * this: scripts are changed on the wire, the rest is a client that does it wrong.
 */
export const mutants = {
  "no deadline": {
    cut: { find: /^if now - ARGV\[2\] > 0 then return \{ 'late' \} end$/m, put: "" },
    faults: /^(redis stopped|CLIENT PAUSE|line to redis slow)$/,
    breaks: ["never later"],
  },
  "no operation id": {
    cut: { find: /^( *local function versionOf\(.*\))$/m, put: "$1 do return nil end" },
    faults: /^(replies of redis lost|CLIENT KILL|line to redis cut)$/,
    breaks: ["acknowledged means made once", "refused means not made", "made once or not at all"],
  },
  "no lifecycle check": {
    cut: { find: /if not head\.legal then/, put: "if false then" },
    faults: /^SCRIPT FLUSH$/,
    breaks: ["legal steps, contiguous versions"],
  },
  "no index removal": {
    cut: {
      find: /redis\.call\('ZREM', KEYS\[2\], unpack\(ids\)\)(\s+redis\.call\('ZREM', KEYS\[3\], unpack\(ids\)\)\s+known)/,
      put: "$1",
    },
    faults: /^SCRIPT FLUSH$/,
    breaks: ["the index is the jobs"],
  },
  "in-place write over the data": {
    cut: { find: /^ *local spare = data - 1 - #head$/m, put: "local spare = data + 60 - #head" },
    faults: /^SCRIPT FLUSH$/,
    breaks: ["records can be read"],
  },
  "head of another job": {
    cut: { find: /heads\[beginning\] or headOf\(beginning\)/, put: "select(2, next(heads)) or headOf(beginning)" },
    faults: /^SCRIPT FLUSH$/,
    breaks: ["legal steps, contiguous versions"],
  },
  "no outbox": {
    cut: null,
    faults: /^(client kill -9|line to broker|broker stopped)/,
    breaks: ["messages and changes belong together", "accepted work is done"],
  },
  "acknowledge before storing": {
    cut: null,
    faults: /^(client kill -9|redis stopped|line to redis refused)$/,
    breaks: ["accepted work is done"],
  },
} as const satisfies Record<string, Mutant>;

export type MutantName = keyof typeof mutants;

export function publishesAfterwards(mutant: MutantName | null): boolean {
  return mutant === "no outbox";
}

export function acknowledgesFirst(mutant: MutantName | null): boolean {
  return mutant === "acknowledge before storing";
}

/** The driver of a client; with a mutant, one whose scripts lack something: `onCut` is told when they do. */
export function driverOf({ redisUrl, mutant }: Settings, onCut: () => void) {
  const bounds = { timeoutMs: STORE_TIMEOUT_MS, eventLogLength: 10_000_000 };
  const cut = mutant === null ? null : mutants[mutant].cut;
  if (cut === null) return redisDriver({ url: redisUrl, ...bounds });
  return redisDriver({ client: cutting(redisUrl, cut, onCut), ...bounds });
}

/** Never connects itself: the driver takes duplicates, and those cut. */
function cutting(url: string, cut: Cut, onCut: () => void): Redis {
  const hashes = new Map<string, string>();
  const cutScript = (script: string): string => {
    if (!cut.find.test(script)) return script;
    const other = script.replace(cut.find, cut.put);
    hashes.set(hashOf(script), hashOf(other));
    onCut();
    return other;
  };
  const changed = (name: string, args: Command["args"]): Command["args"] => {
    const [first = "", ...rest] = args;
    if (name === "evalsha") return [hashes.get(String(first)) ?? first, ...rest];
    if (name === "eval") return [cutScript(String(first)), ...rest];
    // Scripts that other clients have loaded count as missing, so that every script is loaded, and cut, here.
    if (name === "script" && first === "EXISTS") return [first, ...rest.map(() => "0".repeat(40))];
    if (name === "script" && first === "LOAD") return [first, ...rest.map((script) => cutScript(String(script)))];
    return args;
  };
  const duplicate = (options?: RedisOptions) => {
    const client = new Redis(url, { ...options, replyMapping: "legacy" });
    const send = client.sendCommand.bind(client);
    client.sendCommand = (command, stream) => {
      command.args = changed(command.name, command.args);
      return send(command, stream);
    };
    return client;
  };
  // The type of what it overrides depends on options that the driver does not set.
  return Object.assign(new Redis(url, { lazyConnect: true }), { duplicate: duplicate as Redis["duplicate"] });
}

function hashOf(script: string): string {
  return createHash("sha1").update(script).digest("hex");
}
