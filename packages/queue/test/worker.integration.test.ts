import { describe, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { closing } from "./worker-suite/closing.js";
import { copies } from "./worker-suite/copies.js";
import { errors } from "./worker-suite/errors.js";
import { letters } from "./worker-suite/letters.js";
import { liveWorkers } from "./worker-suite/live-workers.js";
import { queuePauses } from "./worker-suite/queue-pauses.js";
import { requests } from "./worker-suite/requests.js";
import { serverWorld } from "./worker-suite/server-world.js";
import { timeLimits } from "./worker-suite/time-limits.js";
import type { Case } from "./worker-suite/world.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Cases of the suite that run on memory drivers only, by the reason. */
const MEMORY_ONLY: Readonly<Record<string, readonly string[]>> = {
  "they need a controlled clock": [
    "a late copy after RetryLater is skipped",
    "RetryLater between errors uses no attempt",
    "UNAVAILABLE during an outage of the store uses no attempt, and the work runs again",
    "a payload of a newer version is unreadable after fifteen minutes",
    "a run that ignores its time limit occupies its slot, and the attempt fails",
    "an outcome within five seconds after the time limit is stored",
    "the reason of the time limit, thrown by the run, is a failed attempt also after an outage",
    "the time limit does not count the wait for the store",
    "progress is written at most every 250 ms, and the last one together with the outcome",
    "a refused progress is reported, and the job does not fail",
    "close waits for the outcome of a running job",
    "after the grace period, close aborts the run and ends the lease, and the next worker starts at once",
    "close settles although the store is unavailable, and the outcome is not lost silently",
    "close settles although the broker is unavailable",
    "a broker that is closed before the worker lets running work end, and the worker reports it",
    "a store that is closed before the worker stops it at once, and no message is lost",
    "a worker can be closed at any time, and twice",
    "idle resolves with an empty queue, and does not wait for a retry",
    "idle waits while the broker is unavailable, and honours its signal",
    "a dead worker is listed for five heartbeats, and health then warns of the jobs that it would take",
    "a pause ends at its time, and each worker consumes again within two seconds",
    "RetryLater with `pauseQueue` pauses the queue for all workers until the job continues",
  ],
  "they wait for the end of leases of 15 seconds; worker-crashes.integration.test.ts has shorter ones": [
    "the job of a dead process continues when its lease ends, and uses no attempt",
    "the job of a blocked process is run by another one, and the first one stores nothing",
    "an older payload is sent again as it was stored, after its worker died",
    "five workers in succession that die fail their job",
    "a checkpoint is stored when it resolves, and the next attempt receives it",
  ],
  "a restart of Redis takes time; worker-redis-outages.integration.test.ts has one": [
    "after a restart that lost a claim and its outcome, the worker runs the job again",
    "after a restart that lost nothing, no work is repeated, and older messages are not looked at",
  ],
  "a proxy cannot lose the reply of one call": [
    "lost replies of a claim, an outcome, a failed attempt and a postponement change nothing",
  ],
  "RabbitMQ does not report the number of unacknowledged messages": [
    "messages that were only fetched ahead are returned when the worker closes or pauses",
  ],
  "the world dead-letters messages itself; in worker-dead-letters.integration.test.ts RabbitMQ does it": [
    "a message that the broker dead-lettered by itself fails its job, and is discarded",
    "a dead letter of an earlier run, or of a job that was claimed since, fails nothing",
  ],
};

const memoryOnly = new Set(Object.values(MEMORY_ONLY).flat());
const onServers: Case = (name, run) => {
  if (memoryOnly.has(name)) return;
  test(name, async () => {
    const world = await serverWorld(url);
    try {
      await run(world);
    } finally {
      await world.end();
    }
  });
};

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("a worker on Redis and RabbitMQ"), () => {
  describe("copies and redeliveries", () => copies(onServers));
  describe("requests during a run", () => requests(onServers));
  describe("errors", () => errors(onServers));
  describe("dead letters and lost workers", () => letters(onServers));
  describe("time limits", () => timeLimits(onServers));
  describe("closing and pausing", () => closing(onServers));
  describe("paused queues", () => queuePauses(onServers));
  describe("live workers", () => liveWorkers(onServers));
});
