import { createJobStore, defineJob, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import { type Contender, contest, ratioOf, tableOf } from "../frame/contest.js";
import type { Ratio, Run, Section, Suite, Wanted } from "../frame/suite.js";
import { effort } from "./effort.js";
import { data, forEach, newIds, subtitleJob } from "./jobs.js";
import { type BenchRedis, benchRedis } from "./redis.js";

type Store = JobStore<typeof subtitleJob>;

/** What a setting costs: the same calls with it and without. */
interface Comparison {
  readonly title: string;
  readonly about: string;
  readonly concurrency: number;
  readonly with: Contender;
  readonly without: Contender;
  readonly of: "rate" | "client";
  readonly wanted: Wanted;
}

async function compare(run: Run, redis: BenchRedis, what: Comparison): Promise<Section> {
  const { title, about, concurrency, of, wanted } = what;
  const found = await contest([what.with, what.without], { ...effort(run), concurrency, serverCpu: redis.cpu });
  const name = `${title}${of === "client" ? ", CPU of the client" : ""}: ${what.with.name} / ${what.without.name}`;
  const ratio: Ratio = ratioOf(found, [what.with.name, what.without.name], { name, of, wanted });
  return { title, about, table: tableOf(found, what.without.name), ratios: [ratio] };
}

/** Sixteen shards on one server, beside none: what sharding itself costs. */
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
    const both = (of: (store: Store) => Pick<Contender, "prepare" | "work">) => ({
      with: { name: "16 shards", guarantees: "all of them, and the order among shards", ...of(many) },
      without: { name: "1 shard", guarantees: "all of them", ...of(one) },
    });
    return [
      await compare(run, redis, {
        title: "create, 64 at a time, in shards",
        about: "On one server, so that nothing but the sharding differs.",
        concurrency: 64,
        ...both((store) => ({ work: () => store.create(data) })),
        of: "rate",
        wanted: { atLeast: 0.8 },
      }),
      await compare(run, redis, {
        title: "updateStatus, 64 at a time, in shards",
        about: "On one server, so that nothing but the sharding differs.",
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

function moving(store: Store): Pick<Contender, "prepare" | "work"> {
  let ids: readonly string[] = [];
  return {
    prepare: async (count) => {
      ids = newIds(count);
      await forEach(ids, (id) => store.create(data, { id }));
    },
    work: (n) => store.updateStatus(ids[n] as string, "downloading"),
  };
}

/** A message stored with the job. */
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
          guarantees: "job and message, or neither",
          work: () => store.create(data, { outbox: [message] }),
        },
        without: { name: "without", guarantees: "all but that", work: () => store.create(data) },
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

/** Holding what is read against its schema. */
export const validation: Suite = {
  name: "validation",
  measure: async (run) => {
    await using redis = await benchRedis();
    const sections: Section[] = [];
    for (const [title, schema, atMost] of [
      ["validating reads, plain shapes", subtitleJob.data, 1 / 0.85],
      ["validating reads, formats besides", formats, 2],
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
          about: "`get`, 64 at a time. Of its CPU with validation, 15 % is 1.18 × what it takes without.",
          concurrency: 64,
          with: { name: "validated", guarantees: "fits its schema", work: (n) => checking.get(id(n)) },
          without: { name: "not", guarantees: "is a job record", work: (n) => trusting.get(id(n)) },
          of: "client",
          wanted: { atMost },
        }),
      );
    }
    return sections;
  },
};
