import { readdirSync, readFileSync } from "node:fs";
import type { JobStoreErrorCode } from "@subtitles/job-store";
import { createBroker, defineQueue, type QueueErrorCode } from "@subtitles/queue";
import { memoryDriver } from "@subtitles/queue/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

const guide = read("docs/guides/troubleshooting.md");

/** Source text of both packages. */
const sources = ["packages/job-store/src/", "packages/queue/src/"]
  .flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true }).map((path) => `${folder}${path}`))
  .filter((path) => /\.(ts|lua)$/.test(path) && !path.includes("/contract/"))
  .map(read)
  .join("\n");

/** Quoted error texts in the column of symptoms, except messages of the compiler. */
const quoted = guide
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.split(" | ")[0] ?? "")
  .filter((symptom) => !symptom.includes("does not compile"))
  .flatMap((symptom) => [...symptom.matchAll(/"([^"]+)"/g)].map(([, text = ""]) => text));

test("the guide quotes errors", () => {
  expect(quoted.length).toBeGreaterThan(4);
});

test.each(quoted)("an error of the packages contains the quoted text: %s", (text) => {
  const parts = text.split("…").map((part) => part.trim());
  // A shorter text does not identify the error.
  expect(parts.some((part) => part.length > 12)).toBe(true);
  expect(parts.filter((part) => !sources.includes(part))).toEqual([]);
});

test("the guide quotes each reason for dead-lettering a message because of its payload", async () => {
  const driver = memoryDriver();
  const broker = createBroker({ driver });
  onTestFinished(() => broker.close());
  const before = defineQueue({ name: "films", payload: z.object({ film: z.string() }), version: 2 });
  const after = defineQueue({ name: "films", payload: z.object({ film: z.number() }), version: 3 });
  const rejecting = defineQueue({ name: "films", payload: z.object({ film: z.number() }), version: 2 });
  await broker.publish(before, { film: "Roma" });
  const first = await broker.consume(rejecting, async () => {});
  await expect.poll(async () => (await broker.stats(before)).dead).toBe(1);
  await first.close();
  await broker.publish(before, { film: "Roma" });
  await broker.consume(after, async () => {});
  await expect.poll(async () => (await broker.stats(before)).dead).toBe(2);
  const reasons = (await broker.deadLetters(before)).map(({ reason }) => reason);
  for (const reason of reasons) {
    expect(
      quoted.map((text) => text.split("…")[0] ?? "").filter((start) => start !== "" && reason.startsWith(start)),
    ).toHaveLength(1);
  }
});

describe("the reference lists the error codes of", () => {
  const jobStore = {
    NOT_FOUND: 1,
    CONFLICT: 1,
    ILLEGAL_TRANSITION: 1,
    INVALID_DATA: 1,
    INVALID_ARGUMENT: 1,
    NEWER_FORMAT: 1,
    UNREADABLE_RECORD: 1,
    UNAVAILABLE: 1,
    TIMEOUT: 1,
    CLOSED: 1,
  } satisfies Record<JobStoreErrorCode, 1>;
  const queue = {
    INVALID_PAYLOAD: 1,
    INVALID_ARGUMENT: 1,
    UNROUTABLE: 1,
    UNAVAILABLE: 1,
    TIMEOUT: 1,
    CLOSED: 1,
    TOPOLOGY_MISMATCH: 1,
  } satisfies Record<QueueErrorCode, 1>;

  test.each([
    ["JobStoreError", jobStore],
    ["QueueError", queue],
  ])("%s, and no others", (name, codes) => {
    const table = read("docs/reference.md").split(`### \`${name}\``)[1]?.split("\n##")[0] ?? "";
    // Rows with a code, a meaning and an action, none of them empty.
    const rows = Array.from(table.matchAll(/^\| `(\w+)` \| [^|]+ \| [^|]+ \|$/gm), ([, code]) => code);
    expect(rows.toSorted()).toEqual(Object.keys(codes).toSorted());
  });
});
