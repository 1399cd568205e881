import { expect, test } from "vitest";
import { withRepository } from "../dev/name-repository.mjs";

test("a package says where it is kept, as npm and its provenance want it", () => {
  expect(withRepository({ name: "@subtitles/queue" }, "https://github.com/a/b", "packages/queue")).toEqual({
    name: "@subtitles/queue",
    repository: { type: "git", url: "git+https://github.com/a/b.git", directory: "packages/queue" },
    homepage: "https://github.com/a/b/tree/main/packages/queue#readme",
    bugs: "https://github.com/a/b/issues",
  });
});
