import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { StoreConfig } from "../src/lib/driver.js";
import type { IndexMetadata } from "../src/lib/redis/index-metadata.js";
import {
  claim,
  create,
  failRequest,
  remove,
  request as requestJob,
  save,
  updateProgress,
  updateStatus,
  type WriteCommand,
  type WriteContext,
} from "../src/lib/redis/write-commands.js";

const folder = new URL("../src/lib/redis/lua/", import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".lua"))
  .map((file) => file.replaceAll("\\", "/"));

/** Returns the comment at the beginning of a script, and the code after it without comments. */
function partsOf(file: string): { header: string; body: string } {
  const lines = readFileSync(new URL(file, folder), "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("--"));
  const comment = (line: string) => line.replace(/--.*$/, "");
  return { header: lines.slice(0, end).join("\n"), body: lines.slice(end).map(comment).join("\n") };
}

type List = "KEYS" | "ARGV";

/** Returns the positions that a header describes: "ARGV: 4 id, 5 status (JSON), …". */
function described(header: string, list: List): Set<number> {
  const text = new RegExp(`^-- ${list}: ((?:.*\\n?)(?:-- {7}.*\\n?)*)`, "m").exec(header)?.[1] ?? "";
  return new Set([...text.matchAll(/(?<![\w^'(])(\d+) (?!\^)['a-zA-Z]/g)].map(([, position]) => Number(position)));
}

function used(body: string, list: List): Set<number> {
  return new Set([...body.matchAll(new RegExp(`${list}\\[(\\d+)\\]`, "g"))].map(([, position]) => Number(position)));
}

/** Includes of the scripts in each folder; see scripts.ts and write-scripts.ts. */
const INCLUDES: Readonly<Record<string, readonly string[]>> = {
  write: ["metadata", "events", "begin-write", "operations", "record", "publish"],
  read: ["read-limit"],
  outbox: ["read-limit", "begin-outbox", "ended-leases"],
  maintenance: ["metadata", "read-limit", "store-keys", "indexes", "operations"],
  pauses: ["change-pauses"],
};

/** Includes of scripts that differ from the others in their folder, and of includes. */
const OTHER_INCLUDES: Readonly<Record<string, readonly string[]>> = {
  "read/leases.lua": [],
  "write/renew-leases.lua": ["contact"],
  "read/find.lua": ["metadata", "read-limit", "store-keys", "indexes"],
  "read/counts-of-field.lua": ["metadata", "read-limit", "store-keys", "indexes"],
  "outbox/list.lua": ["read-limit"],
  "outbox/state.lua": [],
  "maintenance/trim-to-max-count.lua": ["metadata", "events", "begin-write", "operations", "record", "publish"],
  "maintenance/set-metadata.lua": [],
  "maintenance/record-lost-connections.lua": ["metadata"],
  "maintenance/probe.lua": [],
  "pauses/read.lua": [],
  "includes/operations.lua": ["metadata"],
  "includes/begin-write.lua": ["metadata"],
  "includes/ended-leases.lua": ["begin-outbox"],
  "includes/status-change.lua": ["metadata", "begin-write"],
  "includes/work-of-call.lua": ["metadata", "begin-write"],
  "includes/work-state.lua": ["metadata"],
  "includes/fields.lua": ["metadata", "store-keys"],
  "includes/indexes.lua": ["metadata", "store-keys"],
  "includes/messages.lua": ["metadata", "begin-write"],
  "includes/new-job.lua": ["metadata", "begin-write"],
  "includes/deletion.lua": ["metadata", "begin-write"],
  "includes/end-write.lua": ["metadata", "begin-write"],
};

/** Returns the files that precede this one in a script. */
function includesOf(file: string): readonly string[] {
  const names = OTHER_INCLUDES[file] ?? INCLUDES[file.split("/")[0] ?? ""] ?? [];
  return names.map((name) => `includes/${name}.lua`);
}

describe.each(files)("%s", (file) => {
  const own = partsOf(file);
  const headers = [...includesOf(file).map((include) => partsOf(include).header), own.header];

  test.each(["KEYS", "ARGV"] as const)("describes each of its %s in its header", (list) => {
    const known = new Set(headers.flatMap((header) => [...described(header, list)]));
    for (const position of used(own.body, list)) expect(known).toContain(position);
  });

  test("lists its replies", () => {
    expect(headers.join("\n")).toMatch(/^-- Replies: /m);
    for (const [, reply] of own.body.matchAll(/return (?:\{ )?'(\w+)'/g)) {
      expect(headers.join("\n")).toContain(`'${reply}'`);
    }
  });
});

describe("a call sends the values that its script describes", () => {
  const target = { id: "a", version: 1, createdAt: 1 };
  const base = { id: "a", status: "waiting", data: "{}", fields: new Map<string, string>() };
  const times = { createdAt: 1, updatedAt: 1, statusAt: 1, history: [] };
  const message = { queue: "reports", id: "m", origin: null, payload: "1", headers: {} };
  const states = { to: "working", from: [], working: "working" };
  const request = { id: "a", ...states, leaseMs: 1, key: "k", message, error: "{}", metadata: {} };
  const whole = { ...base, ...times, version: 1, attempt: 1, progress: null, result: null, error: null };
  const context = {
    config: {
      ttlMs: new Map(),
      sends: new Map([["working", []]]),
      historyLimit: 32,
      maxRecordBytes: 4096,
    } as unknown as StoreConfig,
    metadata: { ownCodes: new Map(), fields: [] } as unknown as IndexMetadata,
    scripts: null as unknown as WriteContext["scripts"],
    detailed: true,
  };
  const valuesOf = <Input>(command: WriteCommand<Input, unknown>, input: Input) =>
    command.args(input, "abcde001", context).length;

  test.each([
    ["write/create.lua", valuesOf(create, { ...base, metadata: {}, outbox: [] })],
    ["write/request.lua", valuesOf(requestJob, { ...base, metadata: {}, outbox: [], retryFrom: [] })],
    ["write/update-status.lua", valuesOf(updateStatus, { target, to: "working", metadata: {}, outbox: [] })],
    ["write/claim.lua", valuesOf(claim, request)],
    ["write/fail-request.lua", valuesOf(failRequest, request)],
    ["write/update-progress.lua", valuesOf(updateProgress, { target, progress: "{}" })],
    ["write/save.lua", valuesOf(save, whole)],
    ["write/delete.lua", valuesOf(remove, target)],
  ])("%s", (file, count) => {
    const text = /^-- CALL: ((?:.*\n)(?:-- {7}.*\n)*)/m.exec(`${partsOf(file).header}\n`)?.[1] ?? "";
    const positions = [...text.matchAll(/(?<![\w^'(])(\d+) [a-z]/g)].map(([, position]) => Number(position));
    expect(positions).toEqual(Array.from({ length: count }, (_, n) => n + 1));
  });
});

test("scripts use only keys that the caller declares, so that a cluster can route them", () => {
  const commands =
    /redis\.call\('(GET|SET|MGET|MSET|EXISTS|DEL|HGET|HSET|HDEL|HSTRLEN|HINCRBY|ZADD|ZREM|ZSCORE|ZCOUNT|ZRANGE|ZRANGEBYSCORE|XADD|XDEL|XRANGE)', (?!KEYS\[|unpack\(|key\b|\w+Key\b)/;
  for (const file of files) expect(partsOf(file).body).not.toMatch(commands);
});
