import { expect } from "vitest";
import type { ClaimOptions, Job, JobStore } from "../../index.js";
import type { Context, Fixtures } from "./context.js";
import type { Report } from "./definitions.js";
import { expectRefusal, manyIds, view } from "./expectations.js";
import { claim, claimed, direct, leaseOver, MINUTE, received, SHORT, take } from "./requests.js";
import { workerOf } from "./workers.js";

type Request = ClaimOptions<Report, "working">["message"];

/** Names that need care in keys, scripts and texts. */
const UNUSUAL = ['a "quoted" name', "line\nbreak", "tab\tand = sign", "séance 映画 🎬", "* [a] \\", "q".repeat(255)];

const owner = (max: number) => ({ field: "owner", max }) as const;

/** Claims a job with at most `max` running jobs of its owner. */
function limited(store: JobStore<Report>, id: string, max = 1, message = messageOf(id)) {
  return claim(store, id, message, { limit: owner(max) });
}

/** Claims a job with a limit, and expects that this succeeds. */
async function run(store: JobStore<Report>, id: string, max = 1, message = messageOf(id)): Promise<Job<Report>> {
  const answer = await limited(store, id, max, message);
  return answer.kind === "claimed" ? answer.job : expect.fail(`expected "claimed", got "${answer.kind}"`);
}

function messageOf(id: string, queue = "reports"): Request {
  return direct(`message of ${id}`, queue);
}

/** Creates jobs of an owner. */
async function create(store: JobStore<Report>, ids: readonly string[], value = "ann"): Promise<void> {
  for (const id of ids) await store.create({ title: "One", owner: value }, { id });
}

/** Creates jobs of an owner. The first runs, and the messages of the others wait for the only place. */
async function queueUp(store: JobStore<Report>, first: string, ...others: readonly string[]): Promise<Job<Report>> {
  await create(store, [first, ...others]);
  const job = await run(store, first);
  for (const id of others) expect(await limited(store, id)).toEqual({ kind: "limited" });
  return job;
}

/** Ids of the jobs whose messages the store has sent since the last call. */
const sent = async (store: JobStore<Report>) => (await take(store)).map(({ jobId }) => jobId);

/** Ways in which the lease of a running job can end. */
const ENDS: Readonly<Record<string, (store: JobStore<Report>, job: Job<Report>) => Promise<unknown>>> = {
  "an outcome": (store, job) => store.updateStatus(job.id, "done", { handled: true }),
  "a failure": (store, job) => store.updateStatus(job.id, "failed", { handled: true }),
  "a change to a status that is not final": (store, job) => store.updateStatus(job.id, "checking", { handled: true }),
  "a change by someone else": (store, job) => store.updateStatus(job.id, "working"),
  "a failed attempt": (store, job) =>
    store.updateStatus(job.id, "working", { handled: true, failedAttempt: true, leaseMs: MINUTE }),
  "a job that is postponed": (store, job) => store.updateStatus(job.id, "working", { handled: true, leaseMs: MINUTE }),
  "the end of the lease by its worker": (store, job) => store.renewLeases([job], 0),
  "the deletion of the job": (store, job) => store.delete(job.id),
  "a save of the job": (store, job) => store.save(job),
};

export function limit(context: Context): void {
  /** Declares a test of a storage that is not sharded. */
  const test = (title: string, body: (fixtures: Fixtures) => Promise<void>) =>
    context.test(title, async (fixtures) => {
      if ((fixtures.underTest.shards ?? 1) > 1) return fixtures.skip("a sharded store refuses limits");
      await body(fixtures);
    });

  context.test("a sharded store refuses a limit before any write", async ({ store, underTest, skip }) => {
    if ((underTest.shards ?? 1) === 1) return skip("the storage is not sharded");
    await create(store, ["a"]);
    const before = await view(store);
    await expectRefusal(limited(store, "a"), "INVALID_ARGUMENT");
    await expectRefusal(store.announceWorker(workerOf({ limit: owner(1) }), [], MINUTE), "INVALID_ARGUMENT");
    expect(await view(store)).toEqual(before);
    expect(await store.workers()).toEqual([]);
  });

  test("so many jobs with the same value run at the same time, and a refused claim changes no job", async ({
    store,
  }) => {
    await create(store, ["a", "b", "c"]);
    await create(store, ["other"], "bob");
    await store.create({ title: "One" }, { id: "none" });
    await run(store, "a", 2);
    await run(store, "b", 2);
    const before = await view(store);
    expect(await limited(store, "c", 2)).toEqual({ kind: "limited" });
    expect(await view(store)).toEqual(before);
    await run(store, "other", 2);
    await run(store, "none", 1);
    expect(await sent(store)).toEqual([]);
  });

  for (const [how, end] of Object.entries(ENDS)) {
    test(`${how} frees the place of a job, and the oldest message that waits is sent`, async ({ store }) => {
      const job = await queueUp(store, "a", "b", "c");
      await end(store, job);
      const entries = (await take(store)).filter(({ jobId }) => jobId !== "a");
      expect(entries.map(received)).toEqual([{ ...messageOf("b"), origin: expect.any(String) }]);
      const next = await run(store, "b", 1, received(entries[0] ?? expect.fail("no message was sent")));
      expect(await sent(store)).not.toContain("c");
      await end(store, next);
      expect(await sent(store)).toContain("c");
    });
  }

  test("a lease that ended at its time frees its place", async ({ store }) => {
    await create(store, ["a", "b", "c"]);
    expect(await claim(store, "a", messageOf("a"), { limit: owner(1), leaseMs: SHORT })).toMatchObject({
      kind: "claimed",
    });
    expect(await limited(store, "b")).toEqual({ kind: "limited" });
    await leaseOver(store, "a");
    await run(store, "c");
    await store.updateStatus("c", "done");
    expect(await sent(store)).toEqual(expect.arrayContaining(["a", "b"]));
  });

  test("a lease that is given again counts again, and runs even above the limit", async ({ store }) => {
    await create(store, ["a", "b", "c"]);
    const options = { limit: owner(1), leaseMs: SHORT, key: "k" };
    const { job } = await claimed(store, "a", messageOf("a"), options);
    await leaseOver(store, "a");
    await run(store, "b");
    expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
    expect(await claim(store, "a", messageOf("a"), { ...options, leaseMs: MINUTE })).toMatchObject({ kind: "claimed" });
    expect(await limited(store, "c", 2)).toEqual({ kind: "limited" });
    await store.updateStatus("b", "done");
    expect(await sent(store)).toEqual(["c"]);
    await run(store, "c", 2);
  });

  test("messages wait in the order of arrival, one for each job: the newest, in the place of the earlier one", async ({
    store,
  }) => {
    let last = (await queueUp(store, "a", "b", "c", "d")).id;
    const newest = direct("a newer message");
    expect(await limited(store, "b", 1, newest)).toEqual({ kind: "limited" });
    for (const [id, message] of [
      ["b", newest],
      ["c", messageOf("c")],
      ["d", messageOf("d")],
    ] as const) {
      await store.updateStatus(last, "done");
      const entries = await take(store);
      expect(entries.map(({ jobId, id }) => [jobId, id])).toEqual([[id, message.id]]);
      await run(store, id, 1, received(entries[0] ?? expect.fail("no message was sent")));
      last = id;
    }
    await store.updateStatus(last, "done");
    expect(await sent(store)).toEqual([]);
  });

  test("a sent message holds its place, so that a new arrival does not overtake it", async ({ store }) => {
    await queueUp(store, "a", "b", "c");
    await create(store, ["late"]);
    await store.updateStatus("a", "done");
    expect(await limited(store, "late")).toEqual({ kind: "limited" });
    expect(await sent(store)).toEqual(["b"]);
    await run(store, "b");
    for (const [ended, next] of [
      ["b", "c"],
      ["c", "late"],
    ] as const) {
      await store.updateStatus(ended, "done");
      expect(await sent(store)).toEqual([next]);
      await run(store, next);
    }
  });

  test("a message that is limited again gets its earlier place", async ({ store }) => {
    await queueUp(store, "a", "b", "c");
    await create(store, ["x"]);
    await store.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["b"]);
    // Another worker has a higher limit.
    await run(store, "x", 5, messageOf("x", "others"));
    expect(await limited(store, "b")).toEqual({ kind: "limited" });
    await store.updateStatus("x", "done");
    expect(await sent(store)).toEqual(["b"]);
  });

  test("if the claim of a sent message is refused for another reason, the next message is sent", async ({ store }) => {
    await queueUp(store, "a", "moved", "missing", "changed", "leased", "handled", "last");
    await store.updateStatus("moved", "failed");
    await store.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["moved"]);
    expect(await limited(store, "moved")).toEqual({ kind: "moved" });
    expect(await sent(store)).toEqual(["missing"]);
    await store.delete("missing");
    expect(await limited(store, "missing")).toEqual({ kind: "missing" });
    expect(await sent(store)).toEqual(["changed"]);
    expect(await claim(store, "changed", messageOf("changed"), { limit: owner(1), ifVersion: 7 })).toEqual({
      kind: "changed",
    });
    expect(await sent(store)).toEqual(["leased"]);
    await claimed(store, "leased", direct("another", "others"));
    expect(await limited(store, "leased")).toEqual({ kind: "leased" });
    expect(await sent(store)).toEqual(["handled"]);
    await claimed(store, "handled", messageOf("handled"));
    // The claim without a limit answers the message, and does not count.
    expect(await sent(store)).toEqual(["last"]);
  });

  test("a pause does not end the place of a sent message", async ({ store }) => {
    await queueUp(store, "a", "b");
    await create(store, ["c"]);
    await store.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["b"]);
    await store.pauseQueue("reports");
    expect(await limited(store, "b")).toMatchObject({ kind: "paused" });
    expect(await limited(store, "c", 1, messageOf("c", "others"))).toEqual({ kind: "limited" });
    await store.resumeQueue("reports");
    await run(store, "b");
  });

  test("every other answer of a claim comes first", async ({ store }) => {
    await queueUp(store, "a");
    await create(store, ["b"]);
    expect(await limited(store, "none")).toEqual({ kind: "missing" });
    expect(await claim(store, "a", direct("x"), { limit: owner(1) })).toEqual({ kind: "leased" });
    expect(await claim(store, "b", messageOf("b"), { limit: owner(1), ifVersion: 9 })).toEqual({ kind: "changed" });
    await store.pauseQueue("reports");
    expect(await limited(store, "b")).toMatchObject({ kind: "paused" });
    await store.resumeQueue("reports");
    await store.updateStatus("b", "failed");
    expect(await limited(store, "b")).toEqual({ kind: "moved" });
    expect(await store.delete("a")).toBe(true);
    expect(await sent(store)).toEqual([]);
  });

  test("if the limit is raised, the next answered message sends all that have a place", async ({ store }) => {
    await queueUp(store, "a", "b", "c", "d", "e");
    await store.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["b"]);
    await run(store, "b", 3);
    expect(await sent(store)).toEqual(["c", "d"]);
    await run(store, "c", 3);
    await run(store, "d", 3);
    await store.updateStatus("d", "done");
    expect(await sent(store)).toEqual(["e"]);
  });

  test("claims without a limit do not count, and a worker without a limit frees the place of a job that counts", async ({
    store,
  }) => {
    await create(store, ["free", "a", "b", "c"]);
    await claimed(store, "free", messageOf("free"));
    const { id } = await run(store, "a");
    expect(await limited(store, "b")).toEqual({ kind: "limited" });
    await claimed(store, "c", messageOf("c"));
    // The worker of the other release took the job over after a restart.
    await store.updateStatus(id, "done", { handled: true });
    expect(await sent(store)).toEqual(["b"]);
    await claimed(store, "b", messageOf("b"));
    await create(store, ["d"]);
    await run(store, "d");
  });

  test("a claim of the queue answers the message of the job that waits", async ({ store }) => {
    await queueUp(store, "a", "b", "c");
    await claimed(store, "b", direct("another"));
    await store.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["c"]);
  });

  test("the deletion of a job deletes its message", async ({ store }) => {
    await queueUp(store, "a", "b", "c");
    await store.delete("b");
    await create(store, ["b"]);
    await store.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["c"]);
    await store.delete("c");
    await run(store, "b");
  });

  test("the queues of a key share its places, and their messages wait in one order", async ({ store }) => {
    await create(store, ["a", "b", "c", "d"]);
    const queueOf = (id: string) => (id === "c" ? "others" : "reports");
    const message = (id: string) => messageOf(id, queueOf(id));
    await run(store, "a");
    for (const id of ["b", "c", "d"]) expect(await limited(store, id, 1, message(id))).toEqual({ kind: "limited" });
    let last = "a";
    for (const id of ["b", "c", "d"]) {
      await store.updateStatus(last, "done");
      const entries = await take(store);
      expect(entries.map(({ jobId, queue }) => [jobId, queue])).toEqual([[id, queueOf(id)]]);
      await run(store, id, 1, message(id));
      last = id;
    }
  });

  test("a lease counts for the value at its claim, and a message for the value at its arrival", async ({ store }) => {
    const job = await queueUp(store, "a", "b");
    const waiting = await store.get("b");
    await store.save({ ...(waiting as Job<Report>), data: { title: "One", owner: "bob" } });
    await create(store, ["c"], "bob");
    await run(store, "c");
    await store.updateStatus(job.id, "done");
    expect(await sent(store)).toEqual(["b"]);
    expect(await limited(store, "b")).toEqual({ kind: "limited" });
    await create(store, ["d"]);
    await run(store, "d");
    await store.updateStatus("c", "done");
    expect(await sent(store)).toEqual(["b"]);
  });

  test("a message that was published directly is known after it has waited", async ({ store }) => {
    await queueUp(store, "a", "b");
    await store.updateStatus("a", "done");
    const [entry] = await take(store);
    const { id } = await run(store, "b", 1, received(entry ?? expect.fail("no message was sent")));
    await store.updateStatus(id, "checking", { handled: true });
    expect(await limited(store, "b")).toEqual({ kind: "handled" });
  });

  test("a late outcome answers a message that waits only if its claim covers the message", async ({ store }) => {
    for (const [id, isCovered] of [
      ["covered", true],
      ["other", false],
    ] as const) {
      await create(store, [id, `next ${id}`.replace(" ", "-")], id);
      const own = messageOf(id);
      const limit = owner(1);
      const { job } = await claimed(store, id, own, { limit, leaseMs: SHORT });
      await leaseOver(store, id);
      await run(store, `next-${id}`);
      const message = isCovered ? own : direct("another");
      expect(await limited(store, id, 1, message)).toEqual({ kind: "limited" });
      expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
      await store.updateStatus(id, "checking", { handled: true });
      await store.updateStatus(`next-${id}`, "done");
      const entry = (await take(store)).find((one) => one.jobId === id && one.id === message.id);
      const answer = await limited(store, id, 1, received(entry ?? expect.fail("no message was sent")));
      expect(answer.kind).toBe(isCovered ? "handled" : "claimed");
    }
  });

  test("a message of an earlier run does not start the next one", async ({ store }) => {
    await queueUp(store, "a", "b");
    await store.updateStatus("b", "failed");
    await store.updateStatus("b", "waiting");
    await store.updateStatus("a", "done");
    const [entry] = await take(store);
    expect(await limited(store, "b", 1, received(entry ?? expect.fail("no message was sent")))).toEqual({
      kind: "outdated",
    });
  });

  test("values and queues can be any text", async ({ store }) => {
    for (const [n, name] of UNUSUAL.entries()) {
      const ids = manyIds(3, `job-${n}`);
      await create(store, ids, name);
      const [first = "", second = "", third = ""] = ids;
      await run(store, first, 1, messageOf(first, name));
      expect(await limited(store, second, 1, messageOf(second, name))).toEqual({ kind: "limited" });
      expect(await limited(store, third, 1, messageOf(third, name))).toEqual({ kind: "limited" });
      await store.updateStatus(first, "done");
      expect((await take(store)).map(received)).toEqual([{ ...messageOf(second, name), origin: expect.any(String) }]);
    }
  });

  test("no more jobs run than the limit if many are claimed at the same time, and all of them end", async ({
    store,
    stores,
  }) => {
    const ids = manyIds(40);
    await create(store, ids);
    const others = [store, stores.openApart(), stores.openApart()];
    const answers = await Promise.all(ids.map((id, n) => limited(others[n % 3] as JobStore<Report>, id, 3)));
    let running: readonly Job<Report>[] = answers.flatMap((answer) => (answer.kind === "claimed" ? [answer.job] : []));
    expect(running).toHaveLength(3);
    expect(answers.filter(({ kind }) => kind === "limited")).toHaveLength(37);
    let done = 0;
    while (running.length > 0) {
      await Promise.all(running.map(({ id }) => store.updateStatus(id, "done", { handled: true })));
      done += running.length;
      const entries = await take(store);
      running = await Promise.all(entries.map((entry) => run(store, entry.jobId, 3, received(entry))));
    }
    expect(done).toBe(40);
  });

  test("explain says that a job waits for a place, and how many wait before it", async ({ store }) => {
    await queueUp(store, "a", "b", "c");
    await store.announceWorker(workerOf({ limit: owner(1) }), [], MINUTE);
    const reasons = async (id: string) => (await store.explain(id))?.map(({ code, text, fix }) => [code, text, fix]);
    const text =
      'The message for the queue "reports" waits for a place: 1 of 1 places are taken by jobs with owner = "ann".';
    const fix = "To see the jobs with this value: npx @subtitles/job-store list --where owner=ann";
    expect(await reasons("b")).toEqual([["LIMITED", `${text} It is the next one.`, fix]]);
    expect(await reasons("c")).toEqual([["LIMITED", `${text} Before it, 1 message waits.`, fix]]);
    await store.updateStatus("a", "done");
    expect(await reasons("b")).toEqual([]);
    await store.updateStatus("c", "failed");
    expect(await reasons("c")).toEqual([]);
    await store.delete("c");
    await create(store, ["c"]);
    expect(await reasons("c")).toEqual([]);
  });

  test("a limit must name an index field and a number of places", async ({ store }) => {
    await create(store, ["a"]);
    for (const bad of [
      { field: "title", max: 1 },
      { field: "owner", max: 0 },
      { field: "owner", max: 1.5 },
      {},
      null,
      3,
    ]) {
      await expectRefusal(claim(store, "a", direct(), { limit: bad as never }), "INVALID_ARGUMENT");
      await expectRefusal(store.announceWorker(workerOf({ limit: bad as never }), [], MINUTE), "INVALID_ARGUMENT");
    }
  });
}
