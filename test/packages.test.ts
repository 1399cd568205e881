import { expect, test } from "vitest";
import { ALL_NODES, tryPackages } from "../scripts/dev/try-packages.mjs";

test("packed and installed, the packages serve TypeScript, ES module and CommonJS users, on the oldest Node too", async () => {
  const nodes = process.versions.node === ALL_NODES[0] ? [] : ALL_NODES.slice(0, 1);
  expect(await tryPackages({ nodes })).toEqual([]);
}, 480_000);
