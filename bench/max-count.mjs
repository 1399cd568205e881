// How well a status is kept to its maxCount under writes flat out (docs/decisions/0006): how many jobs stood there at most,
// looked at every few milliseconds by a client of its own, and how many creates a second that leaves. Needs redis-server, and
// the packages built:
//   npm run build && node bench/max-count.mjs [creates, 30000 by default]
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import { connect, withRedis } from "./private-redis.mjs";

const CREATES = Number(process.argv[2] ?? 30_000);
const PORT = 7943;
const MOST = 1000;
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
  statuses: { wanted: { next: [], maxCount: MOST } },
});

await withRedis(PORT, async (url) => {
  console.log(`at most ${MOST} may stay; 1 % and 100 make ${MOST * 1.01 + 100}`);
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
  const begun = performance.now();
  const writing = Promise.all(opened.flatMap((store) => Array.from({ length: calls }, () => write(store))));
  let most = 0;
  while (left > 0) {
    const there = await redis.zcard("jobs:by-status");
    // The first calls are all made before anything is known of the oldest.
    if (left < (2 / 3) * CREATES) most = Math.max(most, there);
  }
  await writing;
  const rate = Math.round(CREATES / ((performance.now() - begun) / 1000));
  console.log(`${stores} store(s), ${calls} calls at a time each: at most ${most}, ${rate} creates a second`);
  await Promise.all(opened.map((store) => store.close()));
  redis.disconnect();
}
