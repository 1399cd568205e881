import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { defineQueue } from "@subtitles/queue";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { deleteQueues } from "../packages/queue/test/rabbitmq-queues.js";
import { server } from "./servers/require.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const folder = new URL("../node_modules/.guides-on-servers/", import.meta.url);

describe.skipIf(redis.url === null || rabbitmq.url === null)(rabbitmq.title(redis.title("The guides")), () => {
  test("the service in one file does the same on real servers", async () => {
    const guide = await readFile(new URL("../docs/guides/service-in-one-file.md", import.meta.url), "utf8");
    const [, shown = "", output] = /```ts\n(.*?)```.*?```text\n(.*?)```/s.exec(guide) ?? [];
    const prefix = `${redis.prefix}guide.`;
    // The servers may be someone's: names are private to this run.
    const code = shown
      .replace('keyPrefix: "shout:"', `keyPrefix: ${JSON.stringify(`${prefix}shout:`)}`)
      .replace("url: RABBITMQ_URL }", `url: RABBITMQ_URL, prefix: ${JSON.stringify(prefix)} }`);
    expect(code.split(prefix)).toHaveLength(3);
    await mkdir(folder, { recursive: true });
    const file = new URL("service.mts", folder);
    await writeFile(file, code);
    onTestFinished(async () => {
      await rm(folder, { recursive: true, force: true });
      const shouting = defineQueue({ name: "shouting", payload: z.unknown() as never });
      await deleteQueues(rabbitmq.url ?? "", prefix, [shouting]);
    });
    const env = { ...process.env, REDIS_URL: redis.url ?? "", RABBITMQ_URL: rabbitmq.url ?? "", NO_COLOR: "1" };
    const args = ["--import", "tsx", fileURLToPath(file)];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 });
    expect({ stdout, stderr }).toEqual({ stdout: output, stderr: "" });
  }, 90_000);
});
