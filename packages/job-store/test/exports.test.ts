import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const root = new URL("..", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const { exports, files, bin } = JSON.parse(read("package.json")) as {
  exports: Record<string, unknown>;
  files: string[];
  bin: Record<string, string>;
};

/** Exported values of the package, by entry point. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  index: ["JobStoreError", "createJobStore", "createReporter", "defineJob", "idFrom", "openRecordedStore"],
  redis: ["redisDriver", "redisPermissions"],
  memory: ["memoryDriver"],
  dashboard: ["createDashboard", "nodeRequestOf"],
  subtitle: ["subtitleJob", "subtitleTtlFromEnv"],
  opentelemetry: ["instrument"],
  testing: ["testDriver"],
};

describe("the package's exports", () => {
  test("are one key for each entry file, and package.json", () => {
    const expected = Object.keys(ENTRIES).map((entry) => [
      entry === "index" ? "." : `./${entry}`,
      { types: `./dist/${entry}.d.ts`, default: `./dist/${entry}.js` },
    ]);
    expect(exports).toEqual({ ...Object.fromEntries(expected), "./package.json": "./package.json" });
    const sources = readdirSync(new URL("src", root)).filter((name) => /(?<!\.d)\.ts$/.test(name));
    expect(sources.toSorted()).toEqual([...Object.keys(ENTRIES), "cli"].map((entry) => `${entry}.ts`).toSorted());
    expect(files).toEqual(["dist"]);
    expect(bin).toEqual({ "job-store": "./dist/cli.js" });
  });

  for (const [entry, names] of Object.entries(ENTRIES)) {
    test(`${entry} exports exactly these values, as source and as built file`, async () => {
      expect(Object.keys(await import(`../src/${entry}.ts`)).toSorted()).toEqual(names);
      expect(Object.keys(await import(new URL(`dist/${entry}.js`, root).href)).toSorted()).toEqual(names);
    });

    test(`${entry} contains only exports`, () => {
      const lines = read(`src/${entry}.ts`).trimEnd().split("\n");
      expect(lines.length).toBeLessThanOrEqual(30);
      // The entry exports all types of a driver, because custom drivers need them, and all types of files that contain only public ones.
      expect(lines.join("\n")).toMatch(/^(export (type \*|(type )?\{[^}]*\}) from "\.\/lib\/[^"]+";\s*)+$/);
    });
  }
});
