import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { assertRepository, withRepository } from "../dev/name-repository.mjs";

test("the manifest gets the fields that npm reads the address of the repository from", () => {
  expect(withRepository({ name: "@subtitles/queue" }, "https://github.com/a/b", "packages/queue")).toEqual({
    name: "@subtitles/queue",
    repository: { type: "git", url: "git+https://github.com/a/b.git", directory: "packages/queue" },
    homepage: "https://github.com/a/b/tree/main/packages/queue#readme",
    bugs: "https://github.com/a/b/issues",
  });
});

test("a package without the address of its repository cannot be published", () => {
  const manifest = { name: "@subtitles/queue", repository: undefined };
  expect(() => assertRepository(manifest)).toThrow("The package.json of @subtitles/queue has no repository");
  expect(() => assertRepository(withRepository(manifest, "https://github.com/a/b", "packages/queue"))).not.toThrow();
});

test.each(["job-store", "queue"])("%s checks the address before it is published", async (name) => {
  const { scripts } = JSON.parse(
    await readFile(new URL(`../../packages/${name}/package.json`, import.meta.url), "utf8"),
  );
  expect(scripts.prepublishOnly).toBe("node ../../scripts/dev/name-repository.mjs --check");
});
