import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutants } from "../src/mutants.js";

const scripts = filesIn("job-store/src/lib/redis/lua/", ".lua");
const modules = filesIn("queue/src/lib/", ".ts");

test.each(Object.entries(mutants))("the pattern of %s matches one script or module, once", (_, mutant) => {
  const { edit, libraryEdit } = mutant;
  if (edit !== null) expect(matchesIn(scripts, edit.find)).toHaveLength(1);
  if (libraryEdit !== null) expect(matchesIn(modules, libraryEdit.find)).toHaveLength(1);
});

function filesIn(path: string, ending: string): readonly string[] {
  const folder = new URL(`../../packages/${path}`, import.meta.url);
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(new URL(name, folder), "utf8"));
}

function matchesIn(texts: readonly string[], pattern: RegExp): readonly string[] {
  return texts.flatMap((text) => text.match(new RegExp(pattern, "gm")) ?? []);
}
