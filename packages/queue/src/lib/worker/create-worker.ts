import type { JobDefinition, WorkingOf } from "@subtitles/job-store";
import type { QueueDefinition } from "../definition.js";
import { type AnyWorkerOptions, checkWorkerOptions } from "./options.js";
import { RunningWorker } from "./running-worker.js";
import type { FailedOption, JobIdOption, Worker, WorkerOptions } from "./types.js";

/**
 * Starts a worker. It consumes a queue, claims the job that each message names, runs the work, stores the outcome in the job store, and then
 * acknowledges the message. Returns immediately. If Redis or RabbitMQ is unavailable, the worker waits and continues when the server is
 * available again.
 *
 *   const worker = createWorker({
 *     store, broker, queue: downloads, from: "pending", working: "downloading",
 *     async run(job, { signal, progress }) {
 *       const url = await fetchSubtitle(job.data, { signal, onProgress: (done, total) => progress({ done, total }) });
 *       return { to: "completed", result: { downloadUrl: url } };
 *     },
 *   });
 *
 * **The store decides which worker owns a job. The broker only delivers requests.** A message can arrive twice or late without harm.
 * - The worker moves the job to `working` with `store.claim`, from a status in `from` or from `working` itself. The claim gives it a lease of five
 *   heartbeats (`job.leasedUntil`) and stores the message with the lease. Each heartbeat renews the lease. A job that is in `working` without a lease was
 *   handed over by an earlier stage: the worker claims it at once.
 * - When a lease ends without a status change, the store puts the stored message into the outbox again. This is how the job of a dead, hung or closed worker
 *   continues, and how retries and postponed jobs start again, even if RabbitMQ lost the earlier message. It needs a relay (`createRelay`; several may run).
 * - A message whose job has a lease is acknowledged. If the claim covers it (a copy of the claim's message, or a message of the same queue that was
 *   stored for this job up to the claim and was due then), it is skipped. Otherwise the store remembers it, the newest one of each queue. The next claim for
 *   that queue removes it; a change to another status that is not final sends it. So no request is lost while a job runs.
 * - Leases of workers, and timeouts, count only time during which the store was reachable. Every relay, every worker and the process that enforces
 *   timeouts contacts the store at least every two seconds, also if it is idle or paused. A gap of more than five seconds between two contacts does not
 *   count, and neither does a jump of the server's clock. So after an outage, a failover or a night without processes, every worker keeps its jobs, and
 *   leases and timeouts have the time left that they had before. Contacts are `claim`, `renewLeases` (also with an empty list), `outbox.read` (also while
 *   it waits) and a timeout check.
 * - A worker that loses its RabbitMQ connection continues and stores its outcome. So does a worker whose lease ended, if no other worker claimed the job in
 *   the meantime.
 *
 * **A message is a request to look at a job, not a unit of work.** A message from an outbox carries its `origin`: the queue, the job, the run (creation and
 * `attempt`) and the version of the change that stored it. The worker acknowledges it without running anything in these cases:
 * - outdated: it belongs to an earlier run (the job was cancelled, failed or deleted, and then requested again);
 * - handled: after this message was stored and due, this queue claimed the job and stored an outcome. This covers copies, redriven dead letters and several
 *   messages of one change, also when the job is in `from` again;
 * - the job is missing, in a final status, in a status that is neither in `from` nor `working`, or has a lease.
 * A message without an origin for this job (published directly, or stored with a change of another job) applies to the job's current state. The store
 * remembers the ids of the last eight of them, so a redelivered copy is skipped, too. A message that RabbitMQ loses while its job has no
 * lease is not replaced: give such statuses a timeout if this can happen. Workers of different queues need different `working` statuses.
 *
 * **Outcomes and errors.**
 * - The worker acknowledges a message only after the store has the outcome, a retry, a postponement or the end of the lease. Only one worker can store an
 *   outcome. The last reported `progress` is stored with the outcome, unless the outcome has its own `progress`.
 * - While the store is unavailable, finished work is not repeated: the worker keeps the outcome in memory (at most `concurrency` outcomes) and stores it
 *   when the store is available again.
 * - `JobFailed` fails the job now. `RetryLater` postpones it, and pauses the queue if it has `pauseQueue: true`.
 * - Any other error is a failed attempt. One step stores the error as a note in the history, the number of failed attempts, and a lease until the retry, after
 *   the next of the queue's `retryDelaysMs`. After the last retry the job fails with code "RETRIES_EXHAUSTED". Attempts are counted in the store since the
 *   job entered `working` from another status, so copies of a message do not multiply them. An error thrown by `run` is never interpreted as the loss of this
 *   job, whatever its code is.
 * - A `JobStoreError` UNAVAILABLE or a `QueueError` UNAVAILABLE or TIMEOUT thrown by `run` is no failed attempt if the store or the broker of this worker was
 *   unavailable during the run. The work then runs again when both are available and the lease could be renewed.
 * - The store refuses an outcome because of its contents (INVALID_DATA, or `to` does not follow `working`): the job fails now, code "INVALID_OUTCOME".
 * - Someone else changed the job during the run (event `lost`): nothing is stored. When `run` has settled, the worker looks at the message again, with the run
 *   and version of its claim as origin. If `run` does not settle within five seconds, the message is published to the queue again with this origin, and
 *   acknowledged.
 * - Redis was restarted or failed over and may have lost its last writes: the worker looks again at the messages that it acknowledged in the last five seconds
 *   (at most 10,000).
 * - Five leases of workers ended at their time since the latest change other than a claim (the job kills its workers): the next worker that claims the job
 *   fails it, code "WORKER_LOST".
 * - The payload cannot be read: the message is dead-lettered. If its origin is the job that a string `jobId` in its JSON names, `failRequest` fails this job
 *   with code "INVALID_PAYLOAD". A payload with a newer version than this worker knows (a deploy is in progress) is postponed for a newer worker, and counts as
 *   unreadable only after 15 minutes.
 * - A process that dies before the claim (while it parses, in `jobId` or in `ready`) is covered by the queue's delivery limit only.
 * - RabbitMQ dead-lettered the message by itself: if its origin is the job that it names, `failRequest` fails this job with code "DEAD_LETTERED". The dead
 *   letter is then discarded. While the job has a lease, the dead letter is kept for the next search. A dead letter of an earlier run, or of another job, is
 *   kept, too; a worker examines it once. Each worker searches by itself and starts at a random time. Searches at the same time fail a job only once.
 * - The job's record cannot be read: the job cannot be failed, so the message is dead-lettered with the reason.
 * - `retryable` is true for RETRIES_EXHAUSTED, WORKER_LOST and DEAD_LETTERED, false for INVALID_OUTCOME and INVALID_PAYLOAD.
 * - A stored error has the message of the thrown error, cut at 300 characters. For a system error it has code and system call; for a thrown value that is
 *   not an error, a fixed sentence. The code of the nearest cause that has one follows the message of an error that is retried: "fetch failed: ECONNREFUSED
 *   (system call connect)".
 *
 * **A paused queue.** `store.pauseQueue` pauses a queue for all workers. A worker that learns of it stops consuming and returns the messages that it only
 * fetched, as `close` does. It checks every two seconds for the end of the pause, and then consumes again. Running jobs continue.
 *
 * **A limit per key.** With `limit`, the store answers a claim for a job above the limit with "limited", keeps the message, and sends it when a place is
 * free. The worker acknowledges the message (`skipped`, reason "limited").
 *
 * Every delivery reaches `claim`, also one whose message id is running in this process: the worker uses neither the redelivery attachment of `consume` nor its
 * memory of acknowledgements, because a message that is sent again keeps its id.
 *
 * A worker consumes one queue. Create several workers for several queues, each with its own `concurrency`. With an instrumented broker, `run` executes in
 * the trace of its message; heartbeats do not. Run CPU-bound work in a worker thread: heartbeats are sent from this thread.
 *
 * @throws QueueError INVALID_ARGUMENT if an option is out of range or the lifecycle does not fit: `working` must list itself in its `next`, each status
 *   in `from` must lead to `working` and must not be final, and `working` must lead to `failed`, which must be final. Most of these are compile errors, too.
 */
export function createWorker<D extends JobDefinition, Q extends QueueDefinition, W extends WorkingOf<D>>(
  options: WorkerOptions<D, Q, W> & JobIdOption<Q> & FailedOption<D, W>,
): Worker {
  // The compiler cannot relate the statuses of an unknown definition to `string`. They are checked at run time, too.
  const worker = new RunningWorker(checkWorkerOptions(options as unknown as AnyWorkerOptions));
  worker.start();
  return worker;
}
