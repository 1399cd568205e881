// Measures the cost of index fields (docs/decisions/0004): bytes per job, calls per second with and without them, and the
// duration of a page of 50 with few and many stored jobs. Needs redis-server, and the packages built:
//   npm run build && node bench/field-index.mjs [jobs, 100000 by default]
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import { connect, median, rate, usedMemory, withRedis } from "./private-redis.mjs";

const JOBS = Number(process.argv[2] ?? 100_000);
const PORT = 7942;
const LANGUAGES = ["es", "fr", "de", "it", "pt", "pl", "nl", "sv", "da", "fi"];

const rest = {
  data: z.object({ language: z.string(), owner: z.string(), text: z.string() }),
  initial: "pending",
  statuses: { pending: { next: ["downloading"] }, downloading: { next: ["downloading"], ttlSeconds: 0 } },
};
const definitions = {
  "no index": defineJob({ ...rest, name: "plain" }),
  "one field": defineJob({ ...rest, name: "one", index: { language: (data) => data.language } }),
  "two fields": defineJob({
    ...rest,
    name: "two",
    index: { language: (data) => data.language, owner: (data) => data.owner },
  }),
};

await withRedis(PORT, measure);

async function measure(url) {
  const redis = connect(url);
  const stores = Object.fromEntries(
    Object.entries(definitions).map(([name, job]) => [
      name,
      createJobStore({ job, driver: redisDriver({ url, keyPrefix: `${job.name}:` }) }),
    ]),
  );
  const data = (n) => ({
    language: LANGUAGES[n % LANGUAGES.length],
    owner: `owner-${n % 1000}`,
    text: "x".repeat(500),
  });

  const bytes = {};
  const ids = Object.fromEntries(Object.keys(stores).map((name) => [name, []]));
  for (const [name, store] of Object.entries(stores)) {
    const before = await usedMemory(redis);
    for (let first = 0; first < JOBS; first += 1000) {
      const created = await store.createMany(Array.from({ length: 1000 }, (_, n) => ({ data: data(first + n) })));
      const jobs = created.map(({ value }) => value.job);
      await Promise.all(jobs.map((job) => store.updateStatus(job, "downloading")));
      ids[name].push(...jobs.map(({ id }) => id));
      if (name === "one field" && [1000, JOBS].includes(ids[name].length)) await pages(store, ids[name].length);
    }
    bytes[name] = ((await usedMemory(redis)) - before) / JOBS;
  }

  const rates = Object.fromEntries(Object.keys(stores).map((name) => [name, { create: [], updateStatus: [] }]));
  for (let round = 0; round < 5; round++) {
    for (const [name, store] of Object.entries(stores)) {
      const rounds = rates[name];
      rounds.create.push(await costs(redis, (n) => store.create(data(n))));
      rounds.updateStatus.push(
        await costs(redis, (n) => store.updateStatus(ids[name][(n * 7919) % ids[name].length], "downloading")),
      );
    }
  }
  console.log(`${JOBS} jobs; 64 calls at a time, median of 5 interleaved rounds:`);
  for (const [name, { create, updateStatus }] of Object.entries(rates)) {
    console.log(
      `  ${name.padEnd(10)} ${Math.round(bytes[name])} bytes per job; ` +
        `create ${show(create)}, updateStatus ${show(updateStatus)}`,
    );
  }
  await Promise.all(Object.values(stores).map((store) => store.close()));
  redis.disconnect();
}

function show(rounds) {
  const [calls, server] = ["calls", "server"].map((name) => median(rounds.map((round) => round[name])));
  return `${Math.round(calls)}/s, ${server.toFixed(1)} µs of server CPU`;
}

async function pages(store, stored) {
  const queries = {
    "by creation": {},
    "in a status": { status: "downloading" },
    "where language": { where: { language: "es" } },
    "where language, in a status": { where: { language: "es" }, status: "downloading" },
  };
  for (const [name, query] of Object.entries(queries)) {
    const times = [];
    const { cursor } = await store.list(query);
    for (let n = 0; n < 200; n++) {
      const start = performance.now();
      await store.list(n % 2 === 0 ? query : { ...query, cursor });
      times.push((performance.now() - start) * 1000);
    }
    console.log(`  page of 50 among ${stored} jobs, ${name.padEnd(27)} ${Math.round(median(times))} µs`);
  }
}

/** Measures calls per second and CPU time of the server per call. */
async function costs(redis, work) {
  const count = 10_000;
  const before = await cpu(redis);
  const calls = await rate(work, { count });
  return { calls, server: (((await cpu(redis)) - before) / count) * 1e6 };
}

async function cpu(redis) {
  const info = await redis.info("cpu");
  return Number(/used_cpu_user:([\d.]+)/.exec(info)[1]) + Number(/used_cpu_sys:([\d.]+)/.exec(info)[1]);
}
