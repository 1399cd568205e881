import { createJobStore, defineJob } from "@subtitles/job-store";
import { type RedisDriverOptions, redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";

/** Longest TTL, so that no recorded job expires. */
const CENTURY = 3_155_760_000;

/**
 * Definition of all recorded stores. Older recordings are opened with it too: add statuses, fields and optional data, and change nothing else.
 */
export const order = defineJob({
  name: "order",
  data: z.object({ title: z.string(), owner: z.string().optional(), text: z.string().optional() }),
  result: z.object({ url: z.string() }),
  progress: z.object({ percent: z.number() }),
  initial: "waiting",
  statuses: {
    waiting: {
      next: ["working", "checking", "cancelled", "failed"],
      sends: [{ queue: "work" }, { queue: "notices", ifField: "owner" }],
    },
    working: { next: ["working", "waiting", "checking", "done", "failed", "cancelled"] },
    checking: { next: ["done", "failed"], timeoutSeconds: 2_592_000, timeoutTo: "failed" },
    done: { next: [], final: true, ttlSeconds: CENTURY },
    failed: { next: ["waiting"], final: true, ttlSeconds: CENTURY },
    cancelled: { next: ["waiting"], final: true, maxCount: 1_000 },
  },
  index: { owner: ({ owner }) => owner, title: ({ title }) => title },
});

/** Definition of the same jobs with data that `order` does not accept. */
const invalid = { ...order, data: z.object({ title: z.number() }), index: { owner: () => null, title: () => null } };

/** Key prefix of the recorded stores. */
export const KEY_PREFIX = "upgrades:";

/** Opens a store of orders in a Redis that contains nothing else. */
export function openOrders(options: RedisDriverOptions) {
  return createJobStore({ job: order, driver: redisDriver({ timeoutMs: 60_000, ...options, keyPrefix: KEY_PREFIX }) });
}
export type Orders = ReturnType<typeof openOrders>;

/** Creates a job whose data `order` cannot read. */
export async function createInvalid(options: RedisDriverOptions, id: string): Promise<void> {
  await using store = createJobStore({
    job: invalid,
    driver: redisDriver({ ...options, keyPrefix: KEY_PREFIX }),
  });
  await store.create({ title: 1 }, { id });
}
