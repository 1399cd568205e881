import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

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

const VERBS = ["create.lua", "move.lua", "progress.lua", "save.lua", "remove.lua"];

/** What stands before a script is part of it; see scripts.ts. */
function preludes(file: string): readonly string[] {
  if ([...VERBS, "record.lua", "commit.lua"].includes(file)) return ["touch.lua", "places.lua", "log.lua", "batch.lua"];
  if (["batch.lua", "surplus.lua"].includes(file)) return ["touch.lua", "places.lua", "log.lua"];
  if (["log.lua", "find.lua", "trim.lua"].includes(file) || /^audit-(?!keys)/.test(file))
    return ["touch.lua", "places.lua"];
  if (["places.lua", "read.lua", "rejected.lua"].includes(file)) return ["touch.lua"];
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

test.each(VERBS)("%s takes what its header says, in that order", (file) => {
  const { header, body } = partsOf(file);
  const text = /^-- CALL: ((?:.*\n)(?:-- {7}.*\n)*)/m.exec(header)?.[1] ?? "";
  const described = [...text.matchAll(/(?<![\w^'(])\d+ (\w+)/g)].map(([, name]) => name);
  const [, job, ...taken] = /^function verbs\.\w+(\([^)]*\))/m.exec(body)?.[1]?.match(/\(|\w+/g) ?? [];
  expect(job).toBe("job");
  expect(taken.map((name, n) => (name === "_" ? described[n] : name))).toEqual(described);
});

test("no script builds a key: each is declared, so that a cluster can route it", () => {
  const commands =
    /redis\.call\('(GET|SET|MGET|MSET|EXISTS|DEL|HGET|HSET|HDEL|ZADD|ZREM|ZSCORE|ZCOUNT|ZRANGE|ZRANGEBYSCORE|XADD|XDEL|XRANGE)', (?!KEYS\[|unpack\()/;
  for (const file of files) expect(partsOf(file).body).not.toMatch(commands);
});
