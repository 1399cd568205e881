import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = new URL("..", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

test.each([
  ["index", ["QueueError", "createBroker", "createRelay", "deadLetter", "defineQueue", "message", "retry"]],
  ["rabbitmq", ["rabbitmqDriver"]],
  ["memory", ["memoryDedupe", "memoryDriver"]],
  ["opentelemetry", ["instrument"]],
  ["testing", ["testDriver"]],
])("%s is short, and exports these values and no others, from the source and as built", async (entry, names) => {
  expect(Object.keys(await import(`../src/${entry}.ts`)).toSorted()).toEqual(names);
  expect(Object.keys(await import(new URL(`dist/${entry}.js`, root).href)).toSorted()).toEqual(names);
  expect(read(`src/${entry}.ts`).trimEnd().split("\n").length).toBeLessThanOrEqual(30);
});

test.each(["index", "memory"])(
  "%s is for browsers too: as built, it loads no built-in module of Node and uses no Buffer",
  (entry) => {
    const code = reachable(`${entry}.js`, new Map());
    const imports = [...code.values()].flatMap(({ imported }) => imported.filter((name) => !name.startsWith("./")));
    expect(imports.toSorted()).toEqual(imports.filter((name) => name === "uuid" || name === "zod/v4/core").toSorted());
    for (const { text } of code.values()) expect(text).not.toMatch(/\b(?:Buffer|process|require|setImmediate)\b[.(]/);
  },
);

test("the entry for RabbitMQ names its built-in modules with `node:`, so that no bundler takes a package of that name", () => {
  const imports = [...reachable("rabbitmq.js", new Map()).values()].flatMap(({ imported }) => imported);
  expect(imports.filter((name) => name.startsWith("node:"))).toContain("node:crypto");
  expect(imports.filter((name) => isBuiltin(name) && !name.startsWith("node:"))).toEqual([]);
});

test("CommonJS gets it through require; a retry that waits for an hour does not keep the process", async () => {
  const code = `
    const { createBroker, defineQueue, retry } = require("@subtitles/queue");
    const { memoryDriver } = require("@subtitles/queue/memory");
    const queue = defineQueue({ name: "q", payload: require("zod").string(), retryDelaysMs: [3_600_000] });
    const broker = createBroker({ driver: memoryDriver() });
    broker.consume(queue, async () => (console.log("handled"), retry()));
    broker.publish(queue, "again in an hour");`;
  expect(await run("commonjs", code)).toBe("handled\n");
});

interface Code {
  readonly text: string;
  readonly imported: readonly string[];
}

/** The built file and the files that it loads, by name. */
function reachable(file: string, seen: Map<string, Code>): ReadonlyMap<string, Code> {
  if (seen.has(file)) return seen;
  const text = read(`dist/${file}`);
  const imported = Array.from(
    text.matchAll(/^(?:import|export)\b[^;]*?["']([^"']+)["'];?$/gm),
    ([, name = ""]) => name,
  );
  seen.set(file, { text, imported });
  for (const name of imported) if (name.startsWith("./")) reachable(name.slice(2), seen);
  return seen;
}

/** As a process of its own, against the package as it was built. Fails where the process does not end by itself. */
async function run(type: "module" | "commonjs", code: string): Promise<string> {
  const args = [`--input-type=${type}`, "--eval", code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: fileURLToPath(root), timeout: 120_000 });
  return stdout;
}
