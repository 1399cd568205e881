import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { membersOf, OPTIONS } from "../dev/reference-options.mjs";
import { codesIn, errorCodes, eventTypesIn, headers, limits, limitsIn, queues } from "../dev/reference-tables.mjs";
import { root } from "../dev/run.mjs";

const source = (list: string) => `
/**
 * Reason:
 *
${list}
 */
export type Code = "A" | "B";
`;

test("codes have their meaning and action from the doc comment of the type", () => {
  const text = source(" * - `A`: One\n *   line. Action: Try again.\n * - `B`: Two. Action: Stop.");
  expect(codesIn(text, "Code")).toEqual([
    ["`A`", "One line.", "Try again."],
    ["`B`", "Two.", "Stop."],
  ]);
});

test.each([
  ["a code without an action", " * - `A`: One. Action: Try again.\n * - `B`: Two."],
  ["a missing code", " * - `A`: One. Action: Try again."],
  ["an unknown code", " * - `A`: One. Action: Stop.\n * - `B`: Two. Action: Stop.\n * - `C`: Three. Action: Stop."],
])("%s is an error", (_, list) => {
  expect(() => codesIn(source(list), "Code")).toThrow(/Code/);
});

test("the types of an event have their meaning from the list in its comment", () => {
  const list = " * - start: It began.\n * - done, failed: it ended,\n *   with `at`";
  const event = `/** Event.\n${list}\n */\nexport type Event = { type: "start" } | { type: "done" | "failed"; at: Date };`;
  const rows = [
    ["`start`", "It began."],
    ["`done`, `failed`", "It ended, with `at`."],
  ];
  expect(eventTypesIn(event, "Event")).toEqual({ intro: "Event.", rows });
  const property = `/** Event. */\nexport interface Event {\n/**\n * Type:\n${list}\n */\n  type: "start" | "done" | "failed" }`;
  expect(eventTypesIn(property, "Event")).toEqual({ intro: "", rows });
  expect(eventTypesIn('/** Event. */\nexport interface Event { type: "start" }', "Event")).toEqual({
    intro: "",
    rows: [],
  });
  expect(() => eventTypesIn(event.replace("done, failed", "done"), "Event")).toThrow(
    "done,start, not done,failed,start",
  );
});

test("options have their default and meaning from the comments of a type, a method and a constructor", async () => {
  const types = "packages/job-store/src/lib/types.ts";
  expect(await membersOf(types, "JobStore.waitFor")).toContainEqual(
    expect.objectContaining({ name: "timeoutMs", required: false, standard: "no limit" }),
  );
  expect(await membersOf("packages/job-store/src/lib/redis/options.ts", "RedisDriverOptions")).toContainEqual({
    name: "waitReplicas.count",
    required: true,
    text: "Number of replicas, 1–100.",
    standard: "",
  });
  expect(await membersOf("packages/queue/src/lib/worker/errors.ts", "RetryLater")).toContainEqual(
    expect.objectContaining({ name: "at", standard: "one of `afterMs`, `at`" }),
  );
  await expect(membersOf(types, "JobStore.missing")).rejects.toThrow("JobStore.missing");
});

test("the page has every exported type of options", async () => {
  const reports = ["packages/job-store/api.md", "packages/queue/api.md"].map((file) =>
    readFile(join(root, file), "utf8"),
  );
  const types = (await Promise.all(reports)).flatMap((report) =>
    Array.from(report.matchAll(/^(?:export )?interface (\w+(?:Options|Query))\b/gm), ([, name]) => name),
  );
  // Options of the interface of drivers. Its comments are the specification of a driver.
  const ofDrivers = ["AuditOptions"];
  const onPage = Object.values(OPTIONS).flatMap((all) => all.flatMap(({ from }) => from.map(([, name]) => name)));
  expect(types.filter((name = "") => !onPage.includes(name) && !ofDrivers.includes(name))).toEqual([]);
  expect(types.length).toBeGreaterThan(15);
});

test("limits have their comment, value and unit", () => {
  const text = `
/** Maximum size. */
const MAX_BYTES = 16 * 1024;
/** Maximum number. */
export const MAX = 2 ** 31 - 1;
/** Name of a thing. */
const NAME = /^(?:a|b)$/;
const BARE = 1;
`;
  expect(limitsIn(text, ["MAX_BYTES", "MAX", "NAME"])).toEqual([
    ["Maximum size.", "16,384 bytes"],
    ["Maximum number.", "2,147,483,647"],
    ["Name of a thing.", "`/^(?:a\\|b)$/`"],
  ]);
  expect(limitsIn("-- Maximum in Lua.\nlocal MAX_BYTES = 10\n", ["MAX_BYTES"])).toEqual([
    ["Maximum in Lua.", "10 bytes"],
  ]);
  expect(() => limitsIn(text, ["BARE"])).toThrow("BARE");
  expect(() => limitsIn(text, ["OTHER"])).toThrow("OTHER");
});

test("the sources of the packages have codes, limits, queues and headers", async () => {
  expect(
    Object.values(await errorCodes())
      .flat()
      .flat(),
  ).toContain("`UNROUTABLE`");
  expect(Object.values(await limits()).flat()).toContainEqual(["Maximum size of a message id.", "255 bytes"]);
  expect((await queues()).map(([name]) => name)).toEqual(["`<prefix>q.dead`", "`<prefix>q`", "`<prefix>q.wait.1000`"]);
  expect((await headers()).map(([name]) => name)).toContain("`x-subtitles-header-<name>`");
});
