// Measures how far a status exceeds its maxCount under continuous writes (docs/decisions/0006): the maximum number of jobs,
// which another client reads every few milliseconds, and the creates per second. Needs redis-server, and the packages built:
//   npm run build && node bench/max-count.mjs [creates, 30000 by default]
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import { connect, withRedis } from "./private-redis.mjs";

const CREATES = Number(process.argv[2] ?? 30_000);
const PORT = 7943;
const MAX_COUNT = 1000;
const WRITERS = [
  { stores: 1, calls: 64 },
  { stores: 1, calls: 256 },
  { stores: 1, calls: 1000 },
  { stores: 4, calls: 64 },
];

const film = defineJob({
  name: "film",
  data: z.object({ title: z.string() }),
  initial: "wanted",
  statuses: { wanted: { next: [], maxCount: MAX_COUNT } },
});

await withRedis(PORT, async (url) => {
  console.log(`maxCount ${MAX_COUNT}; limit with 1 % and 100 more: ${MAX_COUNT * 1.01 + 100}`);
  for (const writers of WRITERS) await measure(url, writers);
});

async function measure(url, { stores, calls }) {
  const redis = connect(url);
  await redis.flushall();
  const opened = Array.from({ length: stores }, () =>
    createJobStore({ job: film, driver: redisDriver({ url, timeoutMs: 30_000 }) }),
  );
  await Promise.all(opened.map((store) => store.counts()));
  let left = CREATES;
  const write = async (store) => {
    while (left-- > 0) await store.create({ title: "One" });
  };
  const start = performance.now();
  const writing = Promise.all(opened.flatMap((store) => Array.from({ length: calls }, () => write(store))));
  let max = 0;
  while (left > 0) {
    const count = await redis.zcard("jobs:by-status");
    // Ignores the first third: the store does not know the oldest jobs yet.
    if (left < (2 / 3) * CREATES) max = Math.max(max, count);
  }
  await writing;
  const rate = Math.round(CREATES / ((performance.now() - start) / 1000));
  console.log(`${stores} store(s), ${calls} concurrent calls each: maximum ${max}, ${rate} creates per second`);
  await Promise.all(opened.map((store) => store.close()));
  redis.disconnect();
}
