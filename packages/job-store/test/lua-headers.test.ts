import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { StoreConfig } from "../src/lib/driver.js";
import type { IndexMetadata } from "../src/lib/redis/index-metadata.js";
import { create, move, recordProgress, remove, save, type Verb, type WriteContext } from "../src/lib/redis/verbs.js";

const folder = new URL("../src/lib/redis/lua/", import.meta.url);
const files = readdirSync(folder);

/** The comment that a script opens with, and what comes after it. */
function partsOf(file: string): { header: string; body: string } {
  const lines = readFileSync(new URL(file, folder), "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("--"));
  const comment = (line: string) => line.replace(/--.*$/, "");
  return { header: lines.slice(0, end).join("\n"), body: lines.slice(end).map(comment).join("\n") };
}

type List = "KEYS" | "ARGV";

/** Positions that a header describes: "ARGV: 4 id, 5 status (JSON), …". */
function described(header: string, list: List): Set<number> {
  const text = new RegExp(`^-- ${list}: ((?:.*\\n?)(?:-- {7}.*\\n?)*)`, "m").exec(header)?.[1] ?? "";
  return new Set([...text.matchAll(/(?<![\w^'(])(\d+) (?!\^)['a-zA-Z]/g)].map(([, position]) => Number(position)));
}

function used(body: string, list: List): Set<number> {
  return new Set([...body.matchAll(new RegExp(`${list}\\[(\\d+)\\]`, "g"))].map(([, position]) => Number(position)));
}

const WRITES = ["create.lua", "move.lua", "progress.lua", "save.lua", "delete.lua"];
const INDEXED = ["find.lua", "trim-expired.lua", "audit.lua", "reindex.lua"];

/** Files that come before this one in a script; see scripts.ts and write-scripts.ts. */
function preludes(file: string): readonly string[] {
  if ([...WRITES, "trim-surplus.lua", "deletion.lua", "messages.lua", "end-write.lua"].includes(file)) {
    return ["metadata.lua", "events.lua", "begin-write.lua", "operations.lua", "record.lua", "publish.lua"];
  }
  if (INDEXED.includes(file)) return ["metadata.lua", "touch.lua", "store-keys.lua", "indexes.lua", "operations.lua"];
  if (file === "operations.lua") return ["metadata.lua"];
  if (file === "indexes.lua" || file === "fields.lua") return ["metadata.lua", "store-keys.lua"];
  if (file === "begin-write.lua") return ["metadata.lua"];
  if (["read.lua", "rejected.lua"].includes(file)) return ["touch.lua"];
  return /^outbox-/.test(file) ? ["touch.lua", "outbox.lua"] : [];
}

describe.each(files)("%s", (file) => {
  const own = partsOf(file);
  const headers = [...preludes(file).map((before) => partsOf(before).header), own.header];

  test.each(["KEYS", "ARGV"] as const)("says in its header what each of its %s is", (list) => {
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

describe("a call has the values that its script describes", () => {
  const target = { id: "a", version: 1, createdAt: 1 };
  const base = { id: "a", status: "waiting", data: "{}", fields: new Map<string, string>() };
  const times = { createdAt: 1, updatedAt: 1, statusAt: 1, history: [] };
  const whole = { ...base, ...times, version: 1, attempt: 1, progress: null, result: null, error: null };
  const context = {
    shape: { ttlMs: new Map(), historyLimit: 32, maxRecordBytes: 4096 } as unknown as StoreConfig,
    metadata: { own: new Map(), fields: [] } as unknown as IndexMetadata,
    scripts: null as unknown as WriteContext["scripts"],
    detailed: true,
  };
  const valuesOf = <S>(verb: Verb<S, unknown>, subject: S) => verb.args(subject, "abcde001", context).length;

  test.each([
    ["create.lua", valuesOf(create, { ...base, metadata: {}, outbox: [] })],
    ["move.lua", valuesOf(move, { target, to: "working", metadata: {}, outbox: [] })],
    ["progress.lua", valuesOf(recordProgress, { target, progress: "{}" })],
    ["save.lua", valuesOf(save, whole)],
    ["delete.lua", valuesOf(remove, target)],
  ])("%s", (file, count) => {
    const text = /^-- CALL: ((?:.*\n)(?:-- {7}.*\n)*)/m.exec(`${partsOf(file).header}\n`)?.[1] ?? "";
    const positions = [...text.matchAll(/(?<![\w^'(])(\d+) [a-z]/g)].map(([, position]) => Number(position));
    expect(positions).toEqual(Array.from({ length: count }, (_, n) => n + 1));
  });
});

test("no script builds a key: each is declared, so that a cluster can route it", () => {
  const commands =
    /redis\.call\('(GET|SET|MGET|MSET|EXISTS|DEL|HGET|HSET|HDEL|ZADD|ZREM|ZSCORE|ZCOUNT|ZRANGE|ZRANGEBYSCORE|XADD|XDEL|XRANGE)', (?!KEYS\[|unpack\(|key\b|outboxKey|valuesKey|fieldsKey)/;
  for (const file of files) expect(partsOf(file).body).not.toMatch(commands);
});
