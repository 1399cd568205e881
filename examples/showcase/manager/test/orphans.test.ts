import { createLog } from "@showcase/contracts";
import { expect, onTestFinished, test } from "vitest";
import { removeOrphans, startOrphanRemoval } from "../src/jobs/orphans.js";
import { srt, startRig } from "./rig.js";

test("only the files of jobs that do not exist are removed", async () => {
  const rig = await startRig();
  const { id } = await rig.submit();
  for (const name of [id, "expired.job", "another"]) await rig.files.save(name, "en", srt);
  const orphans = startOrphanRemoval({ ...rig, log: createLog("test", "silent"), everyMs: 10 });
  onTestFinished(() => orphans.close());
  await expect.poll(() => orphans.removed).toBe(2);
  expect(await rig.files.list({ olderThanMs: 0 })).toEqual([id]);
});

test("new files are kept, and so are all files if the store has no job", async () => {
  const rig = await startRig();
  await rig.files.save("expired", "en", srt);
  expect(await removeOrphans(rig.store, rig.files, { olderThanMs: 0 })).toBe(0);
  await rig.submit();
  expect(await removeOrphans(rig.store, rig.files, { olderThanMs: 60_000 })).toBe(0);
  expect(await removeOrphans(rig.store, rig.files, { olderThanMs: 0 })).toBe(1);
});
