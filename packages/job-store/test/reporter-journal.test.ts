import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  createJobStore,
  createReporter,
  type Job,
  type JobStore,
  JobStoreError,
  type StoreEvent,
} from "../src/index.js";
import { type Report, report, type Status } from "../src/lib/contract/definitions.js";
import { errand } from "./errand.js";
import { JournalFolder } from "./reporter-files.js";
import { type Fixture, openReporter, told } from "./reporter-fixture.js";
import { Outage } from "./reporter-outage.js";

const newJob = async (store: JobStore<Report>, id: string) => (await store.create({ title: "One" }, { id })).job;

/** Two jobs with three changes waiting in the journal: "a" by snapshot, "b" by id. */
async function waiting(folder: JournalFolder): Promise<Fixture & { a: Job<Report>; b: Job<Report> }> {
  const fixture = openReporter({ journalPath: folder.file() });
  const { store, reporter, outage } = fixture;
  const [a, b] = [await newJob(store, "a"), await newJob(store, "b")];
  outage.begin();
  expect(await reporter.report(a, "working", { by: "w", outbox: [{ queue: "q", payload: 1 }] })).toBe("pending");
  expect(await reporter.report("b", "failed", { error: { message: "é…\n" } })).toBe("pending");
  expect(await reporter.report(a, "done", { result: { url: "x" } })).toBe("pending");
  return { ...fixture, a, b };
}

function line(value: unknown): string {
  const json = JSON.stringify(value);
  return `${createHash("sha256").update(json).digest("hex").slice(0, 16)} ${json}\n`;
}

describe("what a crashed process left", () => {
  test("is made by the next reporter, once, in order, and followed by what that one reports", async () => {
    const folder = new JournalFolder();
    const { outage } = await waiting(folder);
    outage.end();
    const next = openReporter({ outage, journalPath: folder.crash() });
    expect(next.reporter.pending).toBe(3);
    const answer = next.reporter.report("b", "waiting");
    await next.reporter.flush();
    expect(await answer).toMatch(/stored|pending/);
    const [a, b] = await next.store.getMany(["a", "b"]);
    expect(told(a ?? null)).toBe("1 waiting, 2 working, 3 done");
    expect(a).toMatchObject({ result: { url: "x" } });
    expect(told(b ?? null)).toBe("1 waiting, 2 failed, 3 waiting");
    expect(await next.store.outbox.depth()).toBe(1);
    expect(next.rejected).toEqual([]);
  });

  test("is not made again by a third, even where the second crashed before it could cross anything out", async () => {
    const folder = new JournalFolder();
    const { outage, store } = await waiting(folder);
    const [first, second] = [folder.crash(), folder.crash()];
    outage.end();
    await openReporter({ outage, journalPath: first }).reporter.flush();
    const before = await store.getMany(["a", "b"]);
    const third = openReporter({ outage, journalPath: second });
    expect(third.reporter.pending).toBe(3);
    await third.reporter.flush();
    expect(await store.getMany(["a", "b"])).toEqual(before);
    expect(await store.outbox.depth()).toBe(1);
    expect(third.rejected).toEqual([]);
  });

  test("goes on from where a snapshot's changes had come, when only some of them were made", async () => {
    const folder = new JournalFolder();
    const { outage, store, reporter, a } = await waiting(folder);
    let moves = 0;
    outage.fate = (verb, id) => (verb === "move" && (id === "b" || moves++ > 0) ? "refused" : "answered");
    await expect.poll(async () => (await store.get("a"))?.version).toBe(2);
    await reporter.report(a, "done");
    const path = folder.crash();
    expect(folder.lines(path).join()).toContain('"version":2');
    outage.end();
    await store.updateStatus("b", "failed");
    await openReporter({ outage, journalPath: path }).reporter.flush();
    expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 done");
  });

  test("goes through the same guards: what they refuse is handed to onRejected", async () => {
    const folder = new JournalFolder();
    const { outage, store } = await waiting(folder);
    outage.end();
    await store.updateStatus("a", "working", { by: "successor" });
    await store.delete("b");
    const next = openReporter({ outage, journalPath: folder.crash() });
    await next.reporter.flush();
    expect(next.rejected.map(({ id, to, error }) => [id, to, error.code]).toSorted()).toEqual([
      ["a", "done", "CONFLICT"],
      ["a", "working", "CONFLICT"],
      ["b", "failed", "NOT_FOUND"],
    ]);
    expect(await store.get("a")).toMatchObject({ status: "working", version: 2 });
  });

  test("is told again where it was refused and perhaps not told, but not tried again, even if it could be made now", async () => {
    const folder = new JournalFolder();
    let left = "";
    const { store, reporter, outage, rejected } = openReporter({
      journalPath: folder.file(),
      // The process is killed while it tells.
      onRejected: () => {
        left = folder.crash();
      },
    });
    await newJob(store, "a");
    outage.begin();
    expect(await reporter.report("a", "done")).toBe("pending");
    outage.end();
    await reporter.flush();
    expect(rejected).toEqual([]);
    await store.updateStatus("a", "working");
    const next = openReporter({ outage, journalPath: left });
    await expect
      .poll(() => next.rejected)
      .toMatchObject([{ id: "a", to: "done", error: { code: "ILLEGAL_TRANSITION", from: "waiting", to: "done" } }]);
    expect(next.rejected[0]?.error).toBeInstanceOf(JobStoreError);
    await next.reporter.close();
    expect(told(await store.get("a"))).toBe("1 waiting, 2 working");
    expect(openReporter({ outage, journalPath: left }).reporter.pending).toBe(0);
  });

  test("is not made twice by a call of that process that arrives only now", async () => {
    const folder = new JournalFolder();
    const outage = new Outage();
    const { store } = openReporter({ outage });
    await newJob(store, "a");
    await store.updateStatus("a", "working");
    const change = { key: "k1", id: "a", to: "working", at: Date.now(), fence: null, change: {} } as const;
    writeFileSync(folder.file(), line(change));
    let late: Promise<unknown> | undefined;
    outage.once("move", "answered");
    const { fate } = outage;
    outage.fate = (verb, id) => {
      const met = fate(verb, id);
      // It arrives between the look at the job and the change.
      if (verb === "move") late = store.updateStatus("a", "working", { key: change.key });
      return met;
    };
    const { reporter, rejected } = openReporter({ outage, journalPath: folder.file() });
    await reporter.flush();
    await late;
    expect(rejected).toEqual([]);
    expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 working");
  });

  test("counts, even past maxPending", async () => {
    const folder = new JournalFolder();
    const { outage } = await waiting(folder);
    const next = openReporter({ outage, journalPath: folder.crash(), maxPending: 1 });
    expect(next.reporter.pending).toBe(3);
    expect(await next.reporter.report("c", "working")).toBe("rejected");
  });

  test("is handed to onRejected where the definition does not know it any more", async () => {
    const folder = new JournalFolder();
    const change = { key: "k", id: "a", at: 1, fence: null, change: {} };
    const strange = [
      { ...change, key: "k1", to: "abolished" },
      { ...change, key: "k2", to: "done", change: { result: { url: 5 } } },
      { ...change, key: "k3", to: "done", id: "../a" },
    ];
    writeFileSync(folder.file(), strange.map(line).join(""));
    const { reporter, rejected } = openReporter({ journalPath: folder.file() });
    expect(reporter.pending).toBe(0);
    await expect
      .poll(() => rejected.map(({ to, error }) => [to, error.code]))
      .toEqual([
        ["abolished", "INVALID_ARGUMENT"],
        ["done", "INVALID_DATA"],
        ["done", "INVALID_ARGUMENT"],
      ]);
    await reporter.close();
    expect(openReporter({ journalPath: folder.file() }).reporter.pending).toBe(0);
  });
});

describe("the file", () => {
  test("is on the disk before report answers, and is nobody else's to read", async () => {
    const folder = new JournalFolder();
    const { reporter } = await waiting(folder);
    expect(reporter.pending).toBe(3);
    expect(folder.lines()).toHaveLength(4);
    expect(statSync(folder.file()).mode & 0o077).toBe(0);
  });

  test("stays empty while the store is there, and is emptied when nothing waits any more", async () => {
    const folder = new JournalFolder();
    const { reporter, outage, store } = await waiting(folder);
    outage.end();
    await reporter.flush();
    await expect.poll(() => statSync(folder.file()).size).toBe(0);
    await newJob(store, "c");
    expect(await reporter.report("c", "working")).toBe("stored");
    expect(statSync(folder.file()).size).toBe(0);
    outage.begin();
    expect(await reporter.report("c", "done")).toBe("pending");
    expect(folder.lines()).toHaveLength(2);
  });

  test("keeps what waits when the reporter is closed, for the next one", async () => {
    const folder = new JournalFolder();
    const { reporter, outage, rejected, a } = await waiting(folder);
    const answer = reporter.report(a, "done");
    await reporter.close();
    expect(await answer).toBe("pending");
    expect(reporter.pending).toBe(4);
    expect(rejected).toEqual([]);
    await expect(reporter.flush()).rejects.toMatchObject({ code: "CLOSED" });
    outage.end();
    const next = openReporter({ outage, journalPath: folder.file() });
    expect(next.reporter.pending).toBe(4);
    await next.reporter.flush();
    expect(told(await next.store.get("a"))).toBe("1 waiting, 2 working, 3 done");
  });

  test("a flush that waits when the reporter is closed is CLOSED", async () => {
    const { reporter } = await waiting(new JournalFolder());
    const flushed = reporter.flush();
    flushed.catch(() => {});
    await reporter.close();
    await expect(flushed).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("takes no more than its room, and a change beyond it is rejected with the reason", async () => {
    const folder = new JournalFolder();
    const { reporter, outage, rejected } = openReporter({ journalPath: folder.file() });
    outage.begin();
    const big = { result: { url: "x", body: "x".repeat(4_000_000) } };
    const answers: string[] = [];
    for (let n = 0; n < 4; n++) answers.push(await reporter.report(`job-${n}`, "done", big));
    expect(answers).toEqual(["pending", "pending", "pending", "rejected"]);
    expect(rejected).toMatchObject([{ id: "job-3", error: { code: "UNAVAILABLE", indeterminate: false } }]);
    expect(rejected[0]?.error.message).toContain("is full");
    expect(await reporter.report("job-4", "done")).toBe("pending");
    expect(openReporter({ outage, journalPath: folder.crash() }).reporter.pending).toBe(4);
  });

  test("is written anew when it has grown too large, with what waits and how far each snapshot has come", async () => {
    const folder = new JournalFolder();
    const { reporter, outage, store } = openReporter({ journalPath: folder.file() });
    const [kept, moving] = [await newJob(store, "kept"), await newJob(store, "moving")];
    await newJob(store, "busy");
    outage.begin();
    await reporter.report(moving, "working");
    await reporter.report(moving, "done");
    await reporter.report(kept, "working");
    let moves = 0;
    outage.fate = (verb, id) =>
      id === "busy" || (id === "moving" && verb === "move" && moves++ === 0) ? "answered" : "refused";
    const big = { progress: { done: 1, body: "x".repeat(2_000_000) } };
    let largest = 0;
    for (let n = 0; n < 12; n++) {
      // Waits until "busy" is through, so that its line is crossed out again.
      const answer = await reporter.report("busy", "working", big);
      expect(answer).toMatch(/stored|pending/);
      await expect.poll(() => reporter.pending).toBeLessThanOrEqual(2);
      largest = Math.max(largest, statSync(folder.file()).size);
    }
    expect(moves).toBeGreaterThan(0);
    expect(largest).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(existsSync(`${folder.file()}.new`)).toBe(false);
    const path = folder.crash();
    outage.end();
    const next = openReporter({ outage, journalPath: path });
    expect(next.reporter.pending).toBe(2);
    await next.reporter.flush();
    expect(next.rejected).toEqual([]);
    expect(told(await store.get("moving"))).toBe("1 waiting, 2 working, 3 done");
    expect(told(await store.get("kept"))).toBe("1 waiting, 2 working");
  });
});

describe("a damaged journal", () => {
  test("whose last line is torn, at whatever byte, loses that line and nothing else, without a word", async () => {
    const folder = new JournalFolder();
    const { outage } = await waiting(folder);
    const whole = readFileSync(folder.file());
    const lastLine = whole.lastIndexOf("\n", whole.length - 2) + 1;
    const store = createJobStore({ job: report, driver: outage.driver });
    const events: StoreEvent[] = [];
    for (let cut = lastLine; cut <= whole.length; cut++) {
      const path = folder.file(`cut-${cut}`);
      writeFileSync(path, whole.subarray(0, cut));
      const torn = createReporter(store, { journalPath: path, onEvent: (event) => events.push(event) });
      expect(torn.pending).toBe(cut === whole.length ? 3 : 2);
      // What is written behind it is whole again.
      expect(await torn.report("c", "working")).toBe("pending");
      await torn.close();
      const next = createReporter(store, { journalPath: path, onEvent: (event) => events.push(event) });
      expect(next.pending).toBe(cut === whole.length ? 4 : 3);
      await next.close();
    }
    expect(events).toEqual([]);
  });

  test("in the middle loses the damaged line and nothing else, says so, and keeps a copy", async () => {
    const folder = new JournalFolder();
    const { outage } = await waiting(folder);
    const whole = readFileSync(folder.file());
    const second = whole.indexOf("\n", whole.indexOf("\n") + 1) + 1;
    const end = whole.indexOf("\n", second);
    for (let at = second; at < end; at += 13) {
      const path = folder.file(`damaged-${at}`);
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x01;
      writeFileSync(path, damaged);
      const events: StoreEvent[] = [];
      const { reporter } = openReporter({ outage, journalPath: path, onEvent: (event) => events.push(event) });
      expect(reporter.pending).toBe(2);
      await expect.poll(() => events).toMatchObject([{ type: "warning", details: { lines: [3] } }]);
      expect(readFileSync(`${path}.damaged`)).toEqual(damaged);
    }
  });

  test("is a warning of the process where nobody listens, and a listener that throws does no harm", async () => {
    const folder = new JournalFolder();
    writeFileSync(folder.file("one"), "nonsense\n");
    writeFileSync(folder.file("other"), "nonsense\n");
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    openReporter({ journalPath: folder.file("one") });
    expect((await warned).message).toMatch(/Skipped 1 damaged lines/);
    const onEvent = () => {
      throw new Error("the log is full");
    };
    const { reporter } = openReporter({ journalPath: folder.file("other"), onEvent });
    await reporter.flush();
  });

  test("holds whatever it may: nothing crashes, and what is sound is replayed", async () => {
    const sound = { key: "ok", id: "a", to: "working", at: 1, fence: null, change: {} };
    const fence = { name: "f", createdAt: 1, version: 1 };
    const hostile = [
      null,
      1,
      "text",
      [],
      {},
      { ...sound, key: 1 },
      { ...sound, key: "" },
      { ...sound, key: "x".repeat(1000) },
      { ...sound, id: 1 },
      { ...sound, to: null },
      { ...sound, at: "now" },
      { ...sound, change: null },
      { ...sound, change: "x" },
      { ...sound, fence: 1 },
      { ...sound, fence: { ...fence, version: 0 } },
      { ...sound, fence: { ...fence, version: 1e300 } },
      { ...sound, fence: { ...fence, createdAt: -1 } },
      { settled: 1 },
      { settled: "ok", version: "2" },
    ].map(line);
    const garbage = ["", " ", "\u0000\u0001", "{}", "0".repeat(17), "x".repeat(3_000_000), "\uFEFF", "__proto__"].map(
      (text) => `${text}\n`,
    );
    const polluting = `{"key":"p","id":"a","to":"working","at":1,"fence":null,"change":{"__proto__":{"polluted":true},"by":"p"},"__proto__":{"polluted":true}}`;
    const checksum = createHash("sha256").update(polluting).digest("hex").slice(0, 16);
    const folder = new JournalFolder();
    writeFileSync(
      folder.file(),
      [...hostile, line(sound), line(sound), ...garbage, `${checksum} ${polluting}\n`, line({ settled: "none" })].join(
        "",
      ),
    );
    const events: StoreEvent[] = [];
    const outage = new Outage();
    const setUp = openReporter({ outage });
    await newJob(setUp.store, "a");
    const { reporter, store, rejected } = openReporter({
      outage,
      journalPath: folder.file(),
      onEvent: (event) => events.push(event),
    });
    expect(reporter.pending).toBe(2);
    await reporter.flush();
    expect(rejected).toEqual([]);
    expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 working");
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(events[0]?.details?.lines).toHaveLength(hostile.length + garbage.length);
  });

  test("that is larger than a journal can be is refused", () => {
    const folder = new JournalFolder();
    writeFileSync(folder.file(), Buffer.alloc(33 * 1024 * 1024));
    expect(() => openReporter({ journalPath: folder.file() })).toThrow(/larger than a journal can be/);
  });
});

describe("a journal that cannot be had is INVALID_ARGUMENT", () => {
  const refusal = (message: RegExp) =>
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });

  test("where another reporter has it, until that one is closed", async () => {
    const folder = new JournalFolder();
    const { reporter } = openReporter({ journalPath: folder.file() });
    expect(() => openReporter({ journalPath: folder.file() })).toThrow(refusal(/in use by process \d+/));
    await reporter.close();
    await openReporter({ journalPath: folder.file() }).reporter.close();
    expect(existsSync(`${folder.file()}.lock`)).toBe(false);
  });

  test.each([
    ["whose process is gone", "999999999 1"],
    ["whose process id is another's now", `${process.ppid} 1`],
    ["with nonsense in it", "nonsense"],
    ["with nothing in it", ""],
  ])("but a lock %s is taken over", async (_, holder) => {
    const folder = new JournalFolder();
    writeFileSync(`${folder.file()}.lock`, holder);
    const { reporter } = openReporter({ journalPath: folder.file() });
    expect(readFileSync(`${folder.file()}.lock`, "utf8")).toMatch(new RegExp(`^${process.pid}`));
    await reporter.close();
  });

  test("where its folder is not there, and where it is one", () => {
    const folder = new JournalFolder();
    expect(() => openReporter({ journalPath: folder.file("none/journal") })).toThrow(refusal(/ENOENT/));
    const path = folder.file("folder");
    mkdirSync(path);
    expect(() => openReporter({ journalPath: path })).toThrow(refusal(/EISDIR/));
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test("where it holds changes of another definition", async () => {
    const folder = new JournalFolder();
    const { reporter } = await waiting(folder);
    await reporter.close();
    const store = createJobStore({ job: errand, driver: new Outage().driver });
    expect(() => createReporter(store, { journalPath: folder.file() })).toThrow(refusal(/changes of "report" jobs/));
    expect(folder.lines()).toHaveLength(4);
  });
});

test("with a journal, too, changes of many jobs wait together", async () => {
  const folder = new JournalFolder();
  const { reporter, outage, store } = openReporter({ journalPath: folder.file() });
  const jobs = await Promise.all(Array.from({ length: 200 }, (_, n) => newJob(store, `job-${n}`)));
  outage.begin();
  const steps: Status[] = ["working", "checking", "done"];
  const answers = await Promise.all(steps.flatMap((to) => jobs.map((job) => reporter.report(job, to))));
  expect(new Set(answers)).toEqual(new Set(["pending"]));
  const path = folder.crash();
  outage.end();
  const next = openReporter({ outage, journalPath: path });
  await Promise.all([next.reporter.flush(), reporter.flush()]);
  // Both had the same changes to make, at the same time.
  for (const job of await store.getMany(jobs.map(({ id }) => id))) {
    expect(told(job)).toBe("1 waiting, 2 working, 3 checking, 4 done");
  }
  expect([...next.rejected]).toEqual([]);
});
