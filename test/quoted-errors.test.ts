import { readdirSync, readFileSync } from "node:fs";
import { createBroker, defineQueue } from "@subtitles/queue";
import { memoryDriver } from "@subtitles/queue/memory";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

/** The source text of both packages. */
const sources = ["packages/job-store/src/", "packages/queue/src/"]
  .flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true }).map((path) => `${folder}${path}`))
  .filter((path) => /\.(ts|lua)$/.test(path) && !path.includes("/contract/"))
  .map(read)
  .join("\n");

/** Quoted texts in the column of symptoms, except messages of the compiler. */
const quoted = read("docs/guides/troubleshooting.md")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.split(" | ")[0] ?? "")
  .filter((symptom) => !symptom.includes("does not compile"))
  .flatMap((symptom) => [...symptom.matchAll(/"([^"]+)"/g)].map(([, text = ""]) => text));

test("the guide quotes errors", () => {
  expect(quoted.length).toBeGreaterThan(4);
});

test.each(quoted)("an error of the packages has this text: %s", (text) => {
  const parts = text.split("…").map((part) => part.trim());
  // A shorter text would not identify the error.
  expect(parts.some((part) => part.length > 12)).toBe(true);
  expect(parts.filter((part) => !sources.includes(part))).toEqual([]);
});

test("the guide quotes the reasons of messages that were dead-lettered because of their payload", async () => {
  const driver = memoryDriver();
  const broker = createBroker({ driver });
  onTestFinished(() => broker.close());
  const before = defineQueue({ name: "films", payload: z.object({ film: z.string() }), version: 2 });
  const after = defineQueue({ name: "films", payload: z.object({ film: z.number() }), version: 3 });
  const refusing = defineQueue({ name: "films", payload: z.object({ film: z.number() }), version: 2 });
  await broker.publish(before, { film: "Roma" });
  const first = await broker.consume(refusing, async () => {});
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
