import { createJobStore, defineJob } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import { z } from "zod";

// Job definition: data, result, and the statuses with their allowed transitions.
const resizeJob = defineJob({
  name: "resize",
  data: z.object({ image: z.string(), width: z.number().int().positive() }),
  result: z.object({ file: z.string() }),
  initial: "queued",
  statuses: {
    queued: { next: ["running"] },
    running: { next: ["running", "done", "failed"] },
    done: { next: [], final: true, ttlSeconds: 3600 },
    failed: { next: ["queued"], final: true, ttlSeconds: 86_400 },
  },
});

// For Redis, use: driver: redisDriver({ url: process.env.REDIS_URL }) from "@subtitles/job-store/redis".
await using store = createJobStore({ job: resizeJob, driver: memoryDriver() });

const { job } = await store.create({ image: "cat.png", width: 640 });
const running = await store.updateStatus(job.id, "running", { by: "worker-1" });
// Changes the job by snapshot. This fails if another process has changed the job. The status "queued" would not compile.
await store.updateStatus(running, "done", { result: { file: "cat-640.png" } });
await store.create({ image: "dog.png", width: 320 });

for (const { id, status, data, result } of (await store.list()).items) {
  console.log(id, status, data.image, "→", result?.file ?? "…");
}
console.log(await store.counts());
