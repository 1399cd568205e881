import { expect, test } from "vitest";
import { ALL_NODES, tryPackages } from "../scripts/dev/try-packages.mjs";

test("the packed packages work in projects with TypeScript, ES modules and CommonJS, also on the oldest Node", async () => {
  const nodes = process.versions.node === ALL_NODES[0] ? [] : ALL_NODES.slice(0, 1);
  expect(await tryPackages({ nodes })).toEqual([]);
}, 480_000);
