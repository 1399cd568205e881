import { describe, test } from "vitest";
import { server } from "../../../../test/servers/require.js";
import { serverWorld } from "./server-world.js";
import type { Case } from "./world.js";

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
    "messages that the worker looks at again after a restart of the store end with the broker, also if it accepts none",
    "idle resolves with an empty queue, and does not wait for a retry",
    "idle waits while the broker is unavailable, and honours its signal",
    "a request for a postponed job, in the middle of its lease, is answered by one more run",
    "a request for a postponed job, one millisecond before its lease ends, is answered by one more run",
    "a request for a postponed job that arrives when the lease has ended, before the relay reads the outbox, is answered together with it",
    "a request for a postponed job that arrives when the lease has ended, after the relay has read the message that is sent again, is answered together with it",
    "a request for a job that waits for a retry, one millisecond before its lease ends, is answered by one more run",
    "a request for a job that waits for a retry that arrives when the lease has ended, before the relay reads the outbox, is answered together with it",
    "a request for a job that waits for a retry that arrives when the lease has ended, after the relay has read the message that is sent again, is answered together with it",
    "a delayed message that becomes due after a newer one was handled claims the job",
    "a delayed message that becomes due during a run claims the job once more, if it is in `from` again",
    "a delayed message that arrives late, after the outcome of a run during which it was due, claims the job",
    "a dead letter that arrives while a newer message of its queue waits fails nothing, and is discarded",
    "while the relay is stopped for ten minutes, nothing is lost, and all jobs continue when it runs again",
    "an outage of the store for 60000 ms before the claim uses no attempt and delays no other job",
    "an outage of the store for 2100000 ms before the claim uses no attempt and delays no other job",
    "an outage of the store for 60000 ms aborts and repeats no run",
    "an outage of the store for 2100000 ms aborts and repeats no run",
    "a postponed job that is saved into its status continues at its time",
    "many leases are renewed by one call per heartbeat, without an event or a new version",
    "a dead worker is listed for five heartbeats, and health then warns of the jobs that it would take",
    "a pause ends at its time, and each worker consumes again within two seconds",
    "RetryLater with `pauseQueue` pauses the queue for all workers until the job continues",
    "the places of a dead worker are free when its leases end",
    "if the limit is removed, all messages that wait are sent within a minute after the last worker with a limit was alive",
  ],
  "they wait for the end of leases of 15 seconds; worker-crashes.integration.test.ts has shorter ones": [
    "the job of a dead process continues when its lease ends, and uses no attempt",
    "the job of a blocked process is run by another one, and the first one stores nothing",
    "an older payload is sent again as it was stored, after its worker died",
    "five workers in succession that die fail their job",
    "a checkpoint is stored when it resolves, and the next attempt receives it",
    "a lease that was given again continues the job when its worker dies, although the message was skipped",
    "a failed attempt of a worker that wakes is retried by another one when it dies",
    "a claim answers both requests that arrived during a run whose lease ended at its time",
    "a request during a run is answered, although the lease ended before the outcome was stored",
    "after an hour without processes, no lease has ended, and a job continues when its time has passed",
    "a worker that waits alone for the lease of a dead one gets the job",
    "a job whose worker died and whose queue was purged is sent again, and ends",
    "a claim that the store answers only after close has ended delays the job by one lease at most",
  ],
  "a restart of Redis takes time; worker-redis-outages.integration.test.ts has one": [
    "after a restart that lost a claim and its outcome, the worker runs the job again",
    "after a restart that lost nothing, no work is repeated, and older messages are not looked at",
  ],
  "a proxy cannot lose the reply of one call": [
    "lost replies of a claim, an outcome, a failed attempt and a postponement change nothing",
    "a job that is cancelled between a claim whose reply was lost and its repetition is not claimed",
    "a claim whose reply was lost when close begins delays the job by one lease at most, and nothing is lost",
    "historyLimit 0: copies, retries and earlier runs are recognized",
    "historyLimit 1: copies, retries and earlier runs are recognized",
  ],
  "a call to an unavailable Redis takes up to its timeout, which is 30 seconds here": [
    "an outage of the store for 1000 ms before the claim uses no attempt and delays no other job",
  ],
  "RabbitMQ does not report the number of unacknowledged messages": [
    "a claim that the store answers after close has begun ends its lease, and the next worker starts at once",
    "messages that were only fetched ahead are returned when the worker closes or pauses",
  ],
};

const memoryOnly = new Set(Object.values(MEMORY_ONLY).flat());

/** Declares a case of the suite on Redis and RabbitMQ. */
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

/** Declares parts of the suite on Redis and RabbitMQ, by their titles. */
export function workerOnServers(parts: Readonly<Record<string, (test: Case) => void>>): void {
  describe.skipIf(rabbitmq.url === null)(rabbitmq.title("a worker on Redis and RabbitMQ"), () => {
    for (const [title, declare] of Object.entries(parts)) describe(title, () => declare(onServers));
  });
}
