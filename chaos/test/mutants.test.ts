import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutants } from "../src/mutants.js";

const folder = new URL("../../packages/job-store/src/lib/redis/lua/", import.meta.url);
const scripts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));

test.each(Object.entries(mutants))("%s: what it cuts stands in one script, once", (_, { cut }) => {
  if (cut === null) return;
  const found = scripts.flatMap((script) => script.match(new RegExp(cut.find, "gm")) ?? []);
  expect(found).toHaveLength(1);
});
