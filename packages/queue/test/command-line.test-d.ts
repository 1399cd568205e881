import type { createBroker } from "@subtitles/queue";
import type { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { expectTypeOf, test } from "vitest";
import type { QueuePackage } from "../../job-store/src/lib/cli/queue-package.js";

test("this package has the functions that the command line of the job store calls", () => {
  expectTypeOf<typeof createBroker>().toExtend<QueuePackage["createBroker"]>();
  expectTypeOf<typeof rabbitmqDriver>().toExtend<QueuePackage["rabbitmqDriver"]>();
});
