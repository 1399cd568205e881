import files, { type FileHandle } from "node:fs/promises";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { JournalFolder } from "./reporter-files.js";
import { openReporter } from "./reporter-fixture.js";

/** What the disk does, next to what it is asked. */
const disk = { full: false, truncates: true, syncs: 0, ready: Promise.resolve() };

/** A handle on a disk that may be full: half of what is written still fits. */
function onThatDisk(file: FileHandle): FileHandle {
  const { appendFile, datasync, truncate } = file;
  const noSpace = () => Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  file.appendFile = async (text) => {
    if (!disk.full) return appendFile.call(file, text);
    await appendFile.call(file, String(text).slice(0, -20));
    throw noSpace();
  };
  file.truncate = async (size) => {
    if (!disk.truncates) throw noSpace();
    return truncate.call(file, size);
  };
  file.datasync = async () => {
    disk.syncs++;
    await disk.ready;
    return datasync.call(file);
  };
  return file;
}

const { open } = files;
const opening = vi.spyOn(files, "open").mockImplementation(async (...args) => onThatDisk(await open(...args)));
afterAll(() => opening.mockRestore());
afterEach(() => Object.assign(disk, { full: false, truncates: true, syncs: 0 }));

test("a change that cannot be written is rejected and says why; none of it is ever replayed", async () => {
  const folder = new JournalFolder();
  const { reporter, outage, rejected } = openReporter({ journalPath: folder.file() });
  outage.begin();
  expect(await reporter.report("a", "working")).toBe("pending");
  disk.full = true;
  const answers = await Promise.all([reporter.report("b", "working"), reporter.report("c", "working")]);
  expect(answers).toEqual(["rejected", "rejected"]);
  expect(rejected).toMatchObject([
    { id: "b", error: { code: "UNAVAILABLE", indeterminate: false } },
    { id: "c", error: { code: "UNAVAILABLE", indeterminate: false } },
  ]);
  expect(rejected[0]?.error.message).toContain("ENOSPC");
  expect(reporter.pending).toBe(1);
  disk.full = false;
  expect(await reporter.report("d", "working")).toBe("pending");
  expect(folder.lines().join()).not.toMatch(/"id":"[bc]"/);
  expect(openReporter({ outage, journalPath: folder.crash() }).reporter.pending).toBe(2);
});

test("nothing is written behind a torn line that cannot be cut off", async () => {
  const folder = new JournalFolder();
  const { reporter, outage } = openReporter({ journalPath: folder.file() });
  outage.begin();
  expect(await reporter.report("a", "working")).toBe("pending");
  Object.assign(disk, { full: true, truncates: false });
  expect(await reporter.report("b", "working")).toBe("rejected");
  disk.full = false;
  expect(await reporter.report("c", "working")).toBe("rejected");
  disk.truncates = true;
  expect(await reporter.report("d", "working")).toBe("pending");
  expect(openReporter({ outage, journalPath: folder.crash() }).reporter.pending).toBe(2);
});

test("a change that the store took is crossed out even if that cannot be written: it is known by its key", async () => {
  const folder = new JournalFolder();
  const { store, reporter, outage } = openReporter({ journalPath: folder.file() });
  await store.create({ title: "One" }, { id: "a" });
  outage.begin();
  for (const to of ["working", "working"] as const) expect(await reporter.report("a", to)).toBe("pending");
  Object.assign(disk, { full: true, truncates: false });
  outage.end();
  await reporter.flush();
  await reporter.close();
  const next = openReporter({ outage, journalPath: folder.file() });
  expect(next.reporter.pending).toBe(2);
  await next.reporter.flush();
  expect(await store.get("a")).toMatchObject({ status: "working", version: 3 });
  expect(next.rejected).toEqual([]);
});

test("what became of a change is on the disk before the next of its job is tried", async () => {
  const folder = new JournalFolder();
  const { store, reporter, outage } = openReporter({ journalPath: folder.file() });
  await store.create({ title: "One" }, { id: "a" });
  outage.begin();
  for (const to of ["working", "done"] as const) await reporter.report("a", to);
  let spin = () => {};
  disk.ready = new Promise((resolve) => {
    spin = resolve;
  });
  Object.assign(disk, { syncs: 0 });
  outage.end();
  await expect.poll(() => disk.syncs).toBe(1);
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  expect(await store.get("a")).toMatchObject({ status: "working" });
  spin();
  await reporter.flush();
  expect(await store.get("a")).toMatchObject({ status: "done" });
});

test("changes that come together share one write to the disk, and none is answered before it", async () => {
  const folder = new JournalFolder();
  const { reporter, outage } = openReporter({ journalPath: folder.file() });
  outage.begin();
  disk.syncs = 0;
  expect(await reporter.report("first", "working")).toBe("pending");
  expect(disk.syncs).toBe(1);
  const answers = Array.from({ length: 500 }, (_, n) => reporter.report(`job-${n}`, "working"));
  expect(new Set(await Promise.all(answers))).toEqual(new Set(["pending"]));
  expect(disk.syncs).toBe(2);
});
