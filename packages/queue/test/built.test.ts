import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = new URL("..", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

test.each([
  ["index", ["QueueError", "createBroker", "createRelay", "deadLetter", "defineQueue", "message", "postpone", "retry"]],
  ["rabbitmq", ["rabbitmqDriver"]],
  ["memory", ["memoryDedupe", "memoryDriver"]],
  ["opentelemetry", ["instrument"]],
  ["testing", ["testDriver"]],
])("%s is short and exports exactly these values, from the source and from the build", async (entry, names) => {
  expect(Object.keys(await import(`../src/${entry}.ts`)).toSorted()).toEqual(names);
  expect(Object.keys(await import(new URL(`dist/${entry}.js`, root).href)).toSorted()).toEqual(names);
  expect(read(`src/${entry}.ts`).trimEnd().split("\n").length).toBeLessThanOrEqual(30);
});

test.each(["retry()", "postpone({ afterMs: 1_000_000 })"])(
  "CommonJS can require the package, and %s does not keep the process alive while the message waits",
  async (verdict) => {
    const code = `
    const { createBroker, defineQueue, postpone, retry } = require("@subtitles/queue");
    const { memoryDriver } = require("@subtitles/queue/memory");
    const queue = defineQueue({ name: "q", payload: require("zod").string(), retryDelaysMs: [3_600_000] });
    const broker = createBroker({ driver: memoryDriver() });
    broker.consume(queue, async () => (console.log("handled"), ${verdict}));
    broker.publish(queue, "again in an hour");`;
    expect(await run("commonjs", code)).toBe("handled\n");
  },
);

/** Runs code in a process of its own with the built package. Fails if the process does not exit. */
async function run(type: "module" | "commonjs", code: string): Promise<string> {
  const args = [`--input-type=${type}`, "--eval", code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: fileURLToPath(root), timeout: 120_000 });
  return stdout;
}
