// How many jobs more than its maxCount a status has while several processes write as fast as they can (docs/decisions/0006). A client of
// its own counts the jobs all the time. Needs redis-server, and the packages built:
//   npm run build && node bench/max-count.mjs [jobs for each measurement, 30000 by default]
import { fork } from "node:child_process";
import { once } from "node:events";
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import { connect, withRedis } from "./private-redis.mjs";

const PORT = 7943;
const MAX_COUNT = 1000;
const LOADS = [
  { processes: 1, calls: 64 },
  { processes: 1, calls: 256 },
  { processes: 1, calls: 1000 },
  { processes: 4, calls: 16 },
  { processes: 4, calls: 64 },
];

const film = defineJob({
  name: "film",
  data: z.object({ title: z.string() }),
  initial: "wanted",
  statuses: { wanted: { next: ["found"], maxCount: MAX_COUNT }, found: { next: [], maxCount: MAX_COUNT } },
});

const open = (url) => createJobStore({ job: film, driver: redisDriver({ url, timeoutMs: 30_000 }) });

if (process.send === undefined) await measureAll(Number(process.argv[2] ?? 30_000));
else await write();

async function measureAll(jobs) {
  await withRedis(PORT, async (url) => {
    for (const load of LOADS) {
      for (const work of ["create", "move"]) await measure(url, { ...load, work, jobs });
    }
  });
}

async function measure(url, { processes, calls, work, jobs }) {
  const redis = connect(url);
  await redis.flushall();
  const store = open(url);
  await store.counts();
  const share = jobs / processes;
  const begun = performance.now();
  const writers = Array.from({ length: processes }, () =>
    fork(import.meta.filename, [url, work, calls, share].map(String)),
  );
  let running = true;
  const ended = Promise.all(writers.map((writer) => once(writer, "exit"))).then(() => {
    running = false;
  });
  let most = 0;
  while (running) {
    const counts = await store.counts();
    most = Math.max(most, work === "create" ? counts.wanted : counts.found);
  }
  await ended;
  const seconds = (performance.now() - begun) / 1000;
  const excess = most - MAX_COUNT;
  const underWay = processes * calls;
  console.log(
    `${processes} process(es), ${calls} calls of ${work} at a time each: ${excess} too many at most, ` +
      `${(excess / underWay).toFixed(1)} for each call, ${Math.round(jobs / seconds)} jobs a second`,
  );
  await store.close();
  redis.disconnect();
}

/** Writes from a process of its own. */
async function write() {
  const [url, work, calls, share] = process.argv.slice(2);
  const store = open(url);
  let left = Number(share);
  const next = async () => {
    while (left-- > 0) {
      const { job } = await store.create({ title: "One" });
      if (work === "move") await store.updateStatus(job, "found").catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: Number(calls) }, next));
  await store.close();
  process.disconnect();
}
