import { createJobStore, defineJob, type Job } from "@subtitles/job-store";
import { memoryDriver as memoryStore } from "@subtitles/job-store/memory";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { createBroker, createRelay, defineQueue } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { createWorker } from "../src/worker.js";

/** A job of either kind: a film that is split into parts, and ends when all of them have ended, or one of its parts. */
const jobs = defineJob({
  name: "film-part",
  data: z.object({ parent: z.string().nullable(), parts: z.number() }),
  index: { parent: (data) => data.parent },
  initial: "pending",
  statuses: {
    pending: { next: ["splitting", "rendering", "cancelled", "failed"] },
    splitting: { next: ["splitting", "joining", "failed"] },
    joining: {
      next: ["finishing", "failed"],
      sends: [{ queue: "parents" }],
      timeoutSeconds: 600,
    },
    finishing: { next: ["finishing", "joining", "done", "failed"] },
    rendering: { next: ["rendering", "done", "cancelled", "failed"] },
    done: { next: [], final: true, sends: [{ queue: "ends", ifField: "parent" }] },
    failed: { next: [], final: true, sends: [{ queue: "ends", ifField: "parent" }] },
    cancelled: { next: [], final: true, sends: [{ queue: "ends", ifField: "parent" }] },
  },
});
const request = z.object({ jobId: z.string() });
const films = defineQueue({ name: "films", payload: request });
const parts = defineQueue({ name: "parts", payload: request });
const parents = defineQueue({ name: "parents", payload: request });
const ends = defineQueue({ name: "ends", payload: z.object({ fields: z.object({ parent: z.string() }) }) });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Number of parts of a large film. */
const PARTS = 2_000;

interface Options {
  /** Work on a part. @default none */
  readonly render?: (job: Job<typeof jobs, "rendering">) => Promise<void>;
  /** Number of parts after which the process of the first split dies. @default it does not die */
  readonly splitDiesAfter?: number;
}

/** Starts all workers of a film. */
function start({ render = async () => {}, splitDiesAfter }: Options = {}) {
  const storeDriver = memoryStore();
  const brokerDriver = memoryDriver();
  const store = createJobStore({ job: jobs, driver: storeDriver });
  const broker = createBroker({ driver: brokerDriver });
  const relay = createRelay({ outbox: store.outbox, broker, queues: [films, parts, parents, ends] });
  const all = { store, broker, heartbeatMs: 3_000 } as const;
  /** Returns true if all parts of a film have ended. A part that was deleted counts as missing. */
  const haveEnded = async ({ id, data }: Job<typeof jobs>) => {
    const left = await store.list({ where: { parent: id }, status: ["pending", "rendering"], limit: 1 });
    if (left.items.length > 0) return false;
    let ended = 0;
    for (const status of ["done", "failed", "cancelled"] as const) {
      for await (const _ of store.scan({ where: { parent: id }, status })) ended++;
    }
    return ended >= data.parts;
  };
  let finished = 0;
  const finish = { ...all, from: "joining", working: "finishing", ready: haveEnded } as const;
  const run = async () => {
    finished++;
    return { to: "done" } as const;
  };
  let dead = false;
  /** Splits films. Its process dies before it creates this part. */
  const startSplitter = (diesBefore: number, ownStore: typeof store, ownBroker: typeof broker) =>
    createWorker({
      ...all,
      store: ownStore,
      broker: ownBroker,
      queue: films,
      from: "pending",
      working: "splitting",
      run: async ({ id, data }) => {
        for (let part = 0; part < data.parts; part++) {
          if (part === diesBefore) {
            dead = true;
            void ownBroker.close({ graceMs: 0 });
            return new Promise<never>(() => {});
          }
          const partId = `${id}.${part}`;
          const outbox = [{ queue: parts.name, payload: { jobId: partId } }];
          await store.create({ parent: id, parts: 0 }, { id: partId, outbox });
        }
        return { to: "joining" };
      },
    });
  const workers = [
    createWorker({
      ...all,
      queue: parts,
      from: "pending",
      working: "rendering",
      concurrency: 8,
      run: async (job) => {
        await render(job);
        return { to: "done" };
      },
    }),
    createWorker({ ...finish, queue: parents, run }),
    // Two processes receive the ends of the parts.
    ...[1, 2].map(() => createWorker({ ...finish, queue: ends, jobId: ({ fields }) => fields.parent, run })),
  ];
  const startLiving = () => workers.push(startSplitter(Number.POSITIVE_INFINITY, store, broker));
  if (splitDiesAfter === undefined) startLiving();
  else
    startSplitter(
      splitDiesAfter,
      untilDead(store, () => dead),
      createBroker({ driver: brokerDriver }),
    );
  const pass = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
  };
  return {
    startSplitter: startLiving,
    store,
    pass,
    finished: () => finished,
    requestFilm: (count: number) =>
      store.create(
        { parent: null, parts: count },
        { id: "film", outbox: [{ queue: films.name, payload: { jobId: "film" } }] },
      ),
    close: async () => {
      const closed = (async () => {
        for (const worker of workers) await worker.close();
        await relay.close();
        await broker.close();
        await store.close();
      })();
      await pass(30_000);
      await closed;
    },
  };
}

/** Returns a store whose calls never end after its process has died. */
function untilDead<S extends object>(store: S, isDead: () => boolean): S {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => (isDead() ? new Promise(() => {}) : Reflect.apply(value, target, args));
    },
  });
}

test("a film ends once, after its parts: some have ended before it waits for them, and two end together", async () => {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const world = start({
    render: async ({ id }) => {
      if (id === "film.6" || id === "film.7") await released;
    },
  });
  await world.requestFilm(8);
  await world.pass(5_000);
  expect(await world.store.get("film")).toMatchObject({ status: "joining" });
  expect(await world.store.counts()).toMatchObject({ done: 6, rendering: 2 });
  const before = await world.store.get("film");
  release();
  await world.pass(5_000);
  expect(world.finished()).toBe(1);
  expect(await world.store.get("film")).toMatchObject({ status: "done", version: (before?.version ?? 0) + 2 });
  await world.close();
});

test("a film is split once more if the process of its split dies, and no part is created twice", async () => {
  const world = start({ splitDiesAfter: 3 });
  await world.requestFilm(8);
  await world.pass(5_000);
  expect(await world.store.counts()).toMatchObject({ splitting: 1, done: 3 });
  world.startSplitter();
  await world.pass(25_000);
  expect(world.finished()).toBe(1);
  // Created, split twice, joined, finished, done.
  expect(await world.store.get("film")).toMatchObject({ status: "done", version: 6 });
  for await (const { id, version } of world.store.scan({ where: { parent: "film" } })) {
    expect([id, version]).toEqual([id, 3]);
  }
  expect(await world.store.counts()).toMatchObject({ done: 9 });
  await world.close();
});

test("a film whose parts have all ended before it waits for them ends at once, without a write per part", async () => {
  const world = start();
  await world.requestFilm(PARTS);
  await world.pass(60_000);
  expect(world.finished()).toBe(1);
  // Created, split, joined, finished, done.
  expect(await world.store.get("film")).toMatchObject({ status: "done", version: 5 });
  await world.close();
});

test("a part that is cancelled counts as ended", async () => {
  const world = start({
    render: async ({ id }) => {
      if (id === "film.1") await new Promise<never>(() => {});
    },
  });
  await world.requestFilm(3);
  await world.pass(5_000);
  expect(world.finished()).toBe(0);
  await world.store.updateStatus("film.1", "cancelled", { by: "operator" });
  await world.pass(5_000);
  expect(world.finished()).toBe(1);
  await world.close();
});

test("a film with a part that was deleted ends by its timeout", async () => {
  const world = start({
    render: async ({ id }) => {
      if (id === "film.1") await new Promise<never>(() => {});
    },
  });
  await world.requestFilm(3);
  await world.pass(5_000);
  await world.store.delete("film.1");
  await world.pass(300_000);
  expect(await world.store.get("film")).toMatchObject({ status: "joining" });
  await world.pass(320_000);
  expect(await world.store.get("film")).toMatchObject({ status: "failed", error: { code: "TIMEOUT" }, version: 4 });
  expect(world.finished()).toBe(0);
  await world.close();
});
