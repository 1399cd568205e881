import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutants } from "../src/mutants.js";

const folder = new URL("../../packages/job-store/src/lib/redis/lua/", import.meta.url);
const scripts = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".lua"))
  .map((name) => readFileSync(new URL(name, folder), "utf8"));

test.each(Object.entries(mutants))("the pattern of %s matches one script, once", (_, { edit }) => {
  if (edit === null) return;
  const found = scripts.flatMap((script) => script.match(new RegExp(edit.find, "gm")) ?? []);
  expect(found).toHaveLength(1);
});
