import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { assertRepository, withRepository } from "../dev/name-repository.mjs";

test("a package says where it is kept, as npm and its provenance want it", () => {
  expect(withRepository({ name: "@subtitles/queue" }, "https://github.com/a/b", "packages/queue")).toEqual({
    name: "@subtitles/queue",
    repository: { type: "git", url: "git+https://github.com/a/b.git", directory: "packages/queue" },
    homepage: "https://github.com/a/b/tree/main/packages/queue#readme",
    bugs: "https://github.com/a/b/issues",
  });
});

test("a package that does not say where it is kept cannot be published", () => {
  const manifest = { name: "@subtitles/queue", repository: undefined };
  expect(() => assertRepository(manifest)).toThrow("@subtitles/queue does not say where it is kept");
  expect(() => assertRepository(withRepository(manifest, "https://github.com/a/b", "packages/queue"))).not.toThrow();
});

test.each(["job-store", "queue"])("%s is held to that before it is published", async (name) => {
  const { scripts } = JSON.parse(
    await readFile(new URL(`../../packages/${name}/package.json`, import.meta.url), "utf8"),
  );
  expect(scripts.prepublishOnly).toBe("node ../../scripts/dev/name-repository.mjs --check");
});
