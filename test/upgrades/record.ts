// Records stores of this version as text, for the test upgrades.integration.test.ts. See README.md.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Redis } from "ioredis";
import { startRedis } from "../servers/redis.js";
import { commandsOf, toLine } from "./commands.js";
import { contentsOf } from "./contents.js";
import { openOrders } from "./definition.js";
import { fill } from "./fill.js";

const { version } = JSON.parse(
  await readFile(new URL("../../packages/job-store/package.json", import.meta.url), "utf8"),
);
const folder = new URL(`recordings/${version}/`, import.meta.url);
await mkdir(folder, { recursive: true });

for (const [name, shards] of [
  ["one-server", undefined],
  ["shards", 3],
] as const) {
  await using server = await startRedis();
  const client = new Redis(server.url);
  const options = { client, ...(shards !== undefined && { shards }) };
  const store = openOrders(options);
  const cursor = await fill({ store, client, options });
  const expected = { cursor, contents: await contentsOf(store, cursor) };
  await store.close();
  const lines = (await commandsOf(client)).map((command) => `${toLine(command)}\n`);
  client.disconnect();
  await writeFile(new URL(`${name}.txt`, folder), lines.join(""));
  await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(expected, null, 2)}\n`);
  console.log(`Recorded ${lines.length} commands: test/upgrades/recordings/${version}/${name}.txt`);
}
