import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { openFiles } from "../files.js";
import { temporaryFolder } from "./resources.js";

test("a file is stored with its name, and no other file is left in the folder", async () => {
  const folder = await temporaryFolder();
  const files = openFiles(folder);
  expect(await files.read("job.es.srt")).toBeNull();
  await files.save("-job_1.es.srt", "of another job"); // ids can begin with a hyphen
  await files.save("job.es.srt", "first");
  await Promise.all([files.save("job.es.srt", "second"), files.save("job.es.srt", "second")]);
  expect(await files.read("job.es.srt")).toBe("second");
  expect((await readdir(folder)).sort()).toEqual(["-job_1.es.srt", "job.es.srt"]);
});

test.each(["../secret", "/etc/passwd", "a/b", "", ".hidden", "a\0b"])("%j is not a valid file name", async (name) => {
  const files = openFiles(await temporaryFolder());
  await expect(files.save(name, "")).rejects.toThrow(TypeError);
  await expect(files.read(name)).rejects.toThrow(TypeError);
});
