import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fileCheckpoints } from "../src/checkpoint.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "checkpoints-"));
});
afterEach(() => rm(folder, { recursive: true }));

const translations = new Map([[3, { text: "Hola", match: "machine", score: 1 } as const]]);

test("a checkpoint is loaded for the same work, and for no other", async () => {
  const checkpoints = fileCheckpoints(folder);
  await checkpoints.of("job", ["content", "es"]).save(translations);
  expect(await fileCheckpoints(folder).of("job", ["content", "es"]).load()).toEqual(translations);
  expect((await checkpoints.of("job", ["other content", "es"]).load()).size).toBe(0);
  expect((await checkpoints.of("job", ["content", "fr"]).load()).size).toBe(0);
  expect((await checkpoints.of("job.2", ["content", "es"]).load()).size).toBe(0);
});

test("removing deletes all checkpoints of the job, and none of another job", async () => {
  const checkpoints = fileCheckpoints(folder);
  for (const id of ["a", "a.b", "ab"]) await checkpoints.of(id, ["x"]).save(translations);
  await checkpoints.of("a", ["y"]).save(translations);
  await checkpoints.remove("a");
  expect((await readdir(folder)).sort()).toEqual(["job-a.b", "job-ab"]);
});

test.each(["", "[", "{}", '[["3",{}]]', '[[3,{"text":1}]]'])(
  "the content %j does not count as a checkpoint",
  async (content) => {
    const checkpoint = fileCheckpoints(folder).of("job", ["x"]);
    await checkpoint.save(translations);
    const [name = ""] = await readdir(join(folder, "job-job"));
    await writeFile(join(folder, "job-job", name), content);
    expect((await checkpoint.load()).size).toBe(0);
  },
);

test("old checkpoints are removed", async () => {
  const checkpoints = fileCheckpoints(folder);
  for (const id of ["old", "new"]) await checkpoints.of(id, ["x"]).save(translations);
  await utimes(join(folder, "job-old"), new Date(0), new Date(0));
  await checkpoints.sweep(60_000);
  expect(await readdir(folder)).toEqual(["job-new"]);
  await fileCheckpoints(join(folder, "absent")).sweep(0);
});

test("an invalid job id never becomes a path", () => {
  expect(() => fileCheckpoints(folder).of("../up", ["x"])).toThrow(TypeError);
  expect(() => fileCheckpoints(folder).remove("../up")).toThrow(TypeError);
});
