import type { DashboardBroker, DashboardQueue } from "@subtitles/job-store/dashboard";
import { type Broker, defineQueue } from "@subtitles/queue";
import { expectTypeOf, test } from "vitest";
import * as z from "zod";

test("a broker and its queues can be shown in the dashboard of the job store", () => {
  expectTypeOf<Broker>().toExtend<DashboardBroker>();
  const queue = defineQueue({ name: "reports", payload: z.object({ jobId: z.string() }), retryDelaysMs: [] });
  expectTypeOf(queue).toExtend<DashboardQueue>();
});
