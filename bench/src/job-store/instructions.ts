import { createJobStore, defineJob, type Job, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import type { Callgrind } from "../harness/callgrind.js";
import type { Ratio, Run, Section, Suite } from "../harness/suite.js";
import { data, document, forEach, newIds, subtitleJob } from "./jobs.js";
import { type BenchRedis, benchRedis } from "./redis.js";

/** Number of calls that are sent in one batch. */
const BATCH = 64;
/** Number of batches that are counted. Lone calls are counted `BATCH` times. */
const BATCHES = 4;
/** Jobs of each store before the first count. In an almost empty store, indexes have another encoding. */
const EXISTING_JOBS = 500;
/** A server under valgrind is slow. */
const TIMEOUT_MS = 120_000;

type Index = Readonly<Record<string, (job: typeof data) => string>>;
type Definition = ReturnType<typeof jobWith>;

function jobWith(index: Index) {
  return defineJob({ ...subtitleJob, index });
}

const message = { queue: "download", payload: { jobId: "x".repeat(36), videoUrl: data.videoUrl } };

interface Row {
  readonly name: string;
  /** Target: maximum number of instructions of one call. */
  readonly wanted?: number;
  /** Creates the jobs for one call. Its instructions are not counted. */
  readonly prepare?: (id: string) => Promise<unknown>;
  readonly call: (id: string) => Promise<unknown>;
  /** True: each call is sent alone. @default false: 64 calls are sent in one batch */
  readonly isSingle?: boolean;
}

/**
 * Instructions that the server executes for one call.
 *
 * @param only limits the tables to rows whose names contain one of these texts
 */
export function instructions(callgrind: Callgrind, only?: readonly string[]): Suite {
  const chosen = (rows: readonly Row[]) => rows.filter(({ name }) => only?.some((part) => name.includes(part)) ?? true);
  return {
    name: "instructions",
    measure: async (run) => {
      // With one background task per second, almost all counted instructions belong to the calls.
      await using redis = await benchRedis({ under: callgrind.command, args: ["--hz", "1"] });
      const count = callgrind.counter(redis.server);
      const driver = (keyPrefix: string) => redisDriver({ url: redis.url, keyPrefix, timeoutMs: TIMEOUT_MS });
      await using plain = createJobStore({ job: jobWith({}), driver: driver("") });
      await using full = createJobStore({ job: jobWith({ language: (job) => job.language }), driver: driver("full:") });
      for (const store of [plain, full]) await forEach(newIds(EXISTING_JOBS), (id) => store.create(data, { id }));
      const tables = [
        {
          title: "instructions of the server",
          about: "without messages for the outbox and without index fields",
          rows: [...rawRows(redis), ...plainRows(plain)],
        },
        {
          title: "instructions of the server, with outbox and field",
          about: "with one index field, and with a message of 100 bytes in each call that can have one",
          rows: fullRows(full),
        },
      ];
      const sections: Section[] = [];
      for (const table of tables) {
        const rows = chosen(table.rows);
        if (rows.length > 0) sections.push(await section(run, count, { ...table, rows }));
      }
      if (sections.length === 0)
        run.log('  --only matches no row. Use a part of the name of a row, for example "create".');
      return sections;
    },
  };
}

/** Redis commands, for comparison. */
function rawRows(redis: BenchRedis): readonly Row[] {
  const client = redis.connect({ enableAutoPipelining: true });
  const set = (id: string) => client.set(`raw:${id}`, document(id, "pending"));
  return [
    { name: "raw SET", call: set },
    { name: "single raw SET", call: set, isSingle: true },
  ];
}

function plainRows(store: JobStore<Definition>): readonly Row[] {
  const rows = changes(store, []);
  return [
    { ...rows.create, wanted: 45_000 },
    { ...rows.bySnapshot, wanted: 70_000 },
    { ...rows.byId, wanted: 75_000 },
    { ...rows.finish, wanted: 100_000 },
    { ...rows.delete, wanted: 75_000 },
    { ...rows.deleteFinal, wanted: 75_000 },
    { ...rows.create, name: "single create", isSingle: true, wanted: 130_000 },
    { ...rows.byId, name: "single updateStatus", isSingle: true, wanted: 190_000 },
    ...workRows(store),
    { name: "get", prepare: rows.create.call, call: (id) => store.get(id) },
    {
      name: "page of 50 with its jobs",
      prepare: rows.bySnapshot.prepare,
      call: () => store.list({ status: "pending", limit: 50 }),
      wanted: 160_000,
    },
    { name: "counts of 5 statuses", call: () => store.counts(), wanted: 50_000 },
  ];
}

/** Calls of a worker. The message of a claim has a payload of 100 bytes. */
function workRows(store: JobStore<Definition>): readonly Row[] {
  const claimed = new Map<string, Job<Definition, "downloading">>();
  const create = (id: string) => store.create(data, { id });
  const claim = async (id: string) => {
    const options = {
      from: ["pending"],
      leaseMs: TIMEOUT_MS,
      key: `claim of ${id}`,
      message: { ...message, id },
    } as const;
    const answer = await store.claim(id, "downloading", options);
    if (answer.kind === "claimed") claimed.set(id, answer.job);
  };
  const begin = async (id: string) => {
    await create(id);
    await claim(id);
  };
  const jobOf = (id: string) => {
    const job = claimed.get(id);
    if (job === undefined) throw new Error(`Job ${id} was not claimed.`);
    return job;
  };
  const finish = (id: string) =>
    store.updateStatus(jobOf(id), "completed", {
      result: { downloadUrl: "https://subtitles.example/files/0193e4d2.srt" },
      handled: true,
      key: `outcome of ${id}`,
    });
  return [
    { name: "claim", prepare: create, call: claim },
    { name: "outcome of a claimed job", prepare: begin, call: finish },
    { name: "single claim", prepare: create, call: claim, isSingle: true },
    { name: "single outcome of a claimed job", prepare: begin, call: finish, isSingle: true },
    {
      name: "single renewal of a lease",
      prepare: begin,
      call: (id) => store.renewLeases([jobOf(id)], 15_000),
      isSingle: true,
    },
  ];
}

/** Claims of jobs with the same index value, without a limit, below a limit and above it. */
function limitRows(store: JobStore<Definition>): readonly Row[] {
  const create = (id: string) => store.create(data, { id });
  const claim = (max?: number) => (id: string) =>
    store.claim(id, "downloading", {
      from: ["pending"],
      leaseMs: TIMEOUT_MS,
      key: `claim of ${id}`,
      message: { ...message, id },
      ...(max !== undefined && { limit: { field: "language", max } }),
    });
  const begin = async (id: string) => {
    await create(id);
    await claim(1_000_000)(id);
  };
  const finish = (id: string) =>
    store.updateStatus(id, "completed", {
      result: { downloadUrl: "https://subtitles.example/files/0193e4d2.srt" },
      handled: true,
      key: `outcome of ${id}`,
    });
  return [
    { name: "claim without a limit", prepare: create, call: claim() },
    { name: "claim below its limit", prepare: create, call: claim(1_000_000) },
    { name: "single claim below its limit", prepare: create, call: claim(1_000_000), isSingle: true },
    { name: "outcome of a claimed job below its limit", prepare: begin, call: finish },
    { name: "claim above its limit", prepare: create, call: claim(1) },
  ];
}

function fullRows(store: JobStore<Definition>): readonly Row[] {
  const rows = changes(store, [message]);
  return [
    ...Object.values(rows),
    { ...rows.create, name: "single create", isSingle: true },
    { ...rows.byId, name: "single updateStatus", isSingle: true },
    ...limitRows(store),
    {
      name: "page of 50 of a field, with its jobs",
      prepare: rows.byId.prepare,
      call: () => store.list({ where: { language: data.language }, limit: 50 }),
    },
    {
      name: "counts of 5 statuses of a field",
      prepare: rows.byId.prepare,
      call: () => store.counts({ where: { language: data.language } }),
    },
  ];
}

function changes(store: JobStore<Definition>, outbox: readonly (typeof message)[]) {
  const seen = new Map<string, Job<Definition, "pending">>();
  const create = async (id: string) => {
    const { created, job } = await store.create(data, { id, outbox });
    if (created) seen.set(id, job);
  };
  const snapshot = (id: string) => {
    const job = seen.get(id);
    if (job === undefined) throw new Error(`Job ${id} was not created.`);
    return job;
  };
  const result = { downloadUrl: "https://subtitles.example/files/0193e4d2.srt" };
  const begin = async (id: string) => {
    await create(id);
    await store.updateStatus(id, "downloading", { outbox });
  };
  const finish = (id: string) => store.updateStatus(id, "completed", { result, outbox });
  return {
    create: { name: "create", call: create },
    bySnapshot: {
      name: "updateStatus by snapshot",
      prepare: create,
      call: (id: string) => store.updateStatus(snapshot(id), "downloading", { outbox }),
    },
    byId: {
      name: "updateStatus by id",
      prepare: create,
      call: (id: string) => store.updateStatus(id, "downloading", { outbox }),
    },
    finish: {
      name: "updateStatus into a final status, with a result",
      prepare: begin,
      call: finish,
    },
    delete: { name: "delete", prepare: create, call: (id: string) => store.delete(id) },
    deleteFinal: {
      name: "delete in a final status",
      prepare: async (id: string) => {
        await begin(id);
        await finish(id);
      },
      call: (id: string) => store.delete(id),
    },
  };
}

interface Contents {
  readonly title: string;
  readonly about: string;
  readonly rows: readonly Row[];
}

async function section(run: Run, count: () => Promise<number>, { title, about, rows }: Contents): Promise<Section> {
  run.log(`  ${title}`);
  const found: { readonly row: Row; readonly value: number }[] = [];
  for (const row of rows) {
    const value = await measure(row, count);
    run.log(`    ${row.name}: ${rounded(value)}`);
    found.push({ row, value });
  }
  return {
    title,
    about: `Instructions of redis-server for one call, counted by callgrind. ${BATCH} calls in one batch, except for single calls. Jobs of 600 bytes, ${about}.`,
    table: {
      head: ["", "instructions", "target"],
      rows: found.map(({ row: { name, wanted }, value }) => [
        name,
        rounded(value),
        wanted === undefined ? "" : `≤ ${rounded(wanted)}`,
      ]),
    },
    ratios: found.flatMap(({ row: { name, wanted }, value }): readonly Ratio[] =>
      wanted === undefined
        ? []
        : [
            {
              name: `instructions of the server: ${name}`,
              value: { median: value, low: value, high: value },
              wanted: { atMost: wanted },
            },
          ],
    ),
  };
}

async function measure({ prepare, call, isSingle }: Row, count: () => Promise<number>): Promise<number> {
  const [size, batches] = isSingle ? [1, BATCH] : [BATCH, BATCHES];
  const ids = newIds(size * (batches + 1));
  if (prepare !== undefined) await forEach(ids, prepare);
  const sendBatch = (n: number) => Promise.all(ids.slice(n * size, (n + 1) * size).map(call));
  // The first batch loads scripts.
  await sendBatch(0);
  await count();
  for (let n = 1; n <= batches; n++) await sendBatch(n);
  return (await count()) / (size * batches);
}

/** Rounds to hundreds: the last digits vary from run to run. */
function rounded(value: number): string {
  return (Math.round(value / 100) * 100).toLocaleString("en");
}
