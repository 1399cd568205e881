import { setTimeout as delay } from "node:timers/promises";
import type { Board } from "./board.js";
import type { Client, JobView } from "./client.js";
import type { DemoOrder } from "./orders.js";

const BETWEEN_LOOKS_MS = 100;
/** Time limit of the demo, so that it always ends. It is much longer than the demo takes if a worker dies. */
const PATIENCE_MS = 180_000;

export interface Followed {
  readonly order: DemoOrder;
  readonly job: JobView;
}

/** Submits all orders and shows their progress. Returns when every job has ended. */
export async function follow(
  client: Client,
  orders: readonly DemoOrder[],
  board: Board,
  stop: AbortSignal,
): Promise<readonly Followed[]> {
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  let all: readonly Followed[] = await Promise.all(
    orders.map(async (order) => ({ order, job: await client.submit(order.order) })),
  );
  for (;;) {
    board.show(all.map(({ order, job }) => ({ label: order.label, job })));
    if (all.every(({ job }) => hasEnded(job)) || deadline.aborted) return all;
    await delay(BETWEEN_LOOKS_MS, undefined, { signal: stop });
    all = await Promise.all(
      all.map(async (followed) => ({
        ...followed,
        job: hasEnded(followed.job) ? followed.job : ((await client.get(followed.job.id)) ?? followed.job),
      })),
    );
  }
}

function hasEnded({ status }: JobView): boolean {
  return status === "completed" || status === "failed";
}
