import { createJobStore, defineJob, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import { storeDurations } from "../harness/durations.js";
import { type Candidate, measureAll, ratioOf, tableOf } from "../harness/measure.js";
import type { Ratio, Run, Section, Suite, Wanted } from "../harness/suite.js";
import { data, forEach, newIds, subtitleJob } from "./jobs.js";
import { type BenchRedis, benchRedis } from "./redis.js";

type Store = JobStore<typeof subtitleJob>;

/** Comparison of the same calls with and without a setting. */
interface Comparison {
  readonly title: string;
  readonly about: string;
  readonly concurrency: number;
  readonly with: Candidate;
  readonly without: Candidate;
  readonly of: "rate" | "client";
  readonly wanted: Wanted;
}

async function compare(run: Run, redis: BenchRedis, comparison: Comparison): Promise<Section> {
  const { title, about, concurrency, of, wanted } = comparison;
  const found = await measureAll([comparison.with, comparison.without], {
    ...storeDurations(run),
    concurrency,
    serverCpu: redis.cpu,
  });
  const name = `${title}${of === "client" ? ", CPU of the client" : ""}: ${comparison.with.name} / ${comparison.without.name}`;
  const ratio: Ratio = ratioOf(found, [comparison.with.name, comparison.without.name], { name, of, wanted });
  return { title, about, table: tableOf(found, comparison.without.name), ratios: [ratio] };
}

/** Sixteen shards compared with one, on one server: the cost of sharding itself. */
export const shards: Suite = {
  name: "shards",
  measure: async (run) => {
    await using redis = await benchRedis();
    await using one = createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis.url }) });
    const client = redis.connect();
    await using many = createJobStore({
      job: subtitleJob,
      driver: redisDriver({ client, shards: 16, keyPrefix: "sharded:" }),
    });
    const both = (of: (store: Store) => Pick<Candidate, "prepare" | "work">) => ({
      with: { name: "16 shards", guarantees: "all, and the order across shards", ...of(many) },
      without: { name: "1 shard", guarantees: "all", ...of(one) },
    });
    return [
      await compare(run, redis, {
        title: "create, 64 at a time, in shards",
        about: "On one server, so that only the number of shards differs.",
        concurrency: 64,
        ...both((store) => ({ work: () => store.create(data) })),
        of: "rate",
        wanted: { atLeast: 0.8 },
      }),
      await compare(run, redis, {
        title: "updateStatus, 64 at a time, in shards",
        about: "On one server, so that only the number of shards differs.",
        concurrency: 64,
        ...both(moving),
        of: "rate",
        wanted: { atLeast: 0.8 },
      }),
      await compare(run, redis, {
        title: "page of 50, in shards",
        about: "By status, newest first, one page at a time.",
        concurrency: 1,
        ...both((store) => ({ work: () => store.list({ status: "downloading" }) })),
        of: "rate",
        wanted: { atLeast: 0.35 },
      }),
    ];
  },
};

function moving(store: Store): Pick<Candidate, "prepare" | "work"> {
  let ids: readonly string[] = [];
  return {
    prepare: async (count) => {
      ids = newIds(count);
      await forEach(ids, (id) => store.create(data, { id }));
    },
    work: (n) => store.updateStatus(ids[n] as string, "downloading"),
  };
}

/** Creation with a message in the outbox. */
export const outbox: Suite = {
  name: "outbox",
  measure: async (run) => {
    await using redis = await benchRedis();
    await using store = createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis.url }) });
    const message = { queue: "download", payload: { jobId: "x".repeat(36), videoUrl: data.videoUrl } };
    return [
      await compare(run, redis, {
        title: "create with a message for the outbox, 64 at a time",
        about: "A message of 100 bytes with each job.",
        concurrency: 64,
        with: {
          name: "with outbox",
          guarantees: "job and message are stored together",
          work: () => store.create(data, { outbox: [message] }),
        },
        without: { name: "without outbox", guarantees: "no message", work: () => store.create(data) },
        of: "rate",
        wanted: { atLeast: 0.8 },
      }),
    ];
  },
};

const formats = z.object({
  videoUrl: z.url(),
  videoTitle: z.string().min(1).max(200),
  language: z.string().regex(/^[a-z]{2}$/),
  notes: z.string(),
});

/** Validation of jobs against their schema when they are read. */
export const validation: Suite = {
  name: "validation",
  measure: async (run) => {
    await using redis = await benchRedis();
    const sections: Section[] = [];
    for (const [title, schema, atMost] of [
      ["validating reads, plain shapes", subtitleJob.data, 1 / 0.85],
      ["validating reads, with formats", formats, 2],
    ] as const) {
      const job = defineJob({ ...subtitleJob, data: schema });
      await using checking = createJobStore({ job, driver: redisDriver({ url: redis.url }) });
      await using trusting = createJobStore({ job, driver: redisDriver({ url: redis.url }), validateReads: false });
      const ids = newIds(10_000);
      await forEach(ids, (id) => checking.create(data, { id }));
      const id = (n: number) => ids[n % ids.length] as string;
      sections.push(
        await compare(run, redis, {
          title,
          about: "`get`, 64 at a time. A ratio of 1.18 means that validation takes 15 % of the CPU time of a read.",
          concurrency: 64,
          with: { name: "validated", guarantees: "matches the schema", work: (n) => checking.get(id(n)) },
          without: { name: "not validated", guarantees: "is a valid record", work: (n) => trusting.get(id(n)) },
          of: "client",
          wanted: { atMost },
        }),
      );
    }
    return sections;
  },
};
