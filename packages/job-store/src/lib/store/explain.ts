import type { JobDefinition } from "../definition.js";
import type {
  Examination,
  JobRecord,
  JobStorage,
  ListedMessage,
  QueuePause,
  StoreConfig,
  StoredLease,
  Unreadable,
  WaitingMessage,
} from "../driver.js";
import type { Explanation } from "../worker-operations.js";
import { SEARCHED } from "./outbox.js";
import { describePause } from "./reports.js";

/** Time for which a message or a job may wait without a reason. */
const GRACE_MS = 60_000;

/** Stored facts about a job, read in a bounded number of calls. */
interface Facts extends Pick<Examination, "publishedAt" | "publishedSince" | "now"> {
  readonly record: JobRecord;
  readonly lease: StoredLease | null;
  readonly messages: readonly ListedMessage[];
  /** False if there are more messages than were searched. */
  readonly complete: boolean;
  /** Messages that wait for a place. */
  readonly waiting: readonly WaitingMessage[];
  readonly pauses: readonly QueuePause[];
  readonly workers: Awaited<ReturnType<JobStorage["workers"]>>;
}

/**
 * Explains why a job does not move, in the order of importance. Empty: nothing is wrong. null: the job does not exist.
 *
 * @throws JobStoreError UNAVAILABLE
 */
export async function explain(
  storage: JobStorage,
  config: StoreConfig,
  definition: JobDefinition,
  id: string,
): Promise<readonly Explanation[] | null> {
  const [{ job, lease, waiting, ...times }, { messages, complete }, pauses, workers] = await Promise.all([
    storage.examine(id),
    storage.outbox.ofJob(id, SEARCHED),
    storage.pauses(),
    storage.workers(true),
  ]);
  if (job.kind === "absent") return null;
  if (job.kind === "unreadable") return [unreadable(id, job)];
  const { record } = job;
  const createdAt = record.createdAt.getTime();
  const facts: Facts = {
    record,
    lease: lease !== null && lease.version === record.version && lease.createdAt === createdAt ? lease : null,
    messages,
    complete,
    waiting: waiting.filter((message) => message.createdAt === createdAt),
    pauses,
    workers,
    ...times,
  };
  return reasonsOf(facts, config, definition);
}

function reasonsOf(facts: Facts, config: StoreConfig, definition: JobDefinition): readonly Explanation[] {
  const isFinal = definition.statuses[facts.record.status]?.final === true;
  const ofMessages = messageReasons(facts);
  if (isFinal) return ofMessages;
  const reasons = [
    ...ofMessages,
    ...pauseReasons(facts),
    ...workerReasons(facts),
    ...leaseReasons(facts),
    ...limitReasons(facts),
  ];
  const overdue = overdueReason(facts, config);
  if (overdue !== null) reasons.push(overdue);
  if (reasons.length === 0) {
    const missing = missingMessage(facts, config);
    if (missing !== null) reasons.push(missing);
  }
  return reasons;
}

function unreadable(id: string, { reason, isNewer }: Unreadable): Explanation {
  return {
    code: "UNREADABLE",
    text: `The record of job ${id} cannot be read: ${reason}`,
    fix: isNewer
      ? "Update @subtitles/job-store in this program to the version of the program that wrote the record."
      : `Correct the definition if it lacks the status, replace the record with save(), or delete it: npx @subtitles/job-store delete ${id}`,
  };
}

function messageReasons({ messages, now }: Facts): Explanation[] {
  const rejected = messages.flatMap((message) => (message.kind === "rejected" ? [message] : []));
  const waiting = messages.flatMap((message) =>
    message.kind === "waiting" && now - message.at > GRACE_MS ? [message] : [],
  );
  const scheduled = messages.flatMap((message) => (message.kind === "scheduled" ? [message] : []));
  return [
    ...rejected.map(
      ({ entryId, queue, reason }): Explanation => ({
        code: "REJECTED",
        text: `A relay rejected the message for the queue "${queue}": ${reason}`,
        fix: `After the cause is removed: npx @subtitles/job-store outbox requeue ${entryId}. If the message is wrong: npx @subtitles/job-store outbox drop ${entryId}`,
      }),
    ),
    ...waiting.map(
      ({ queue, at, claimed }): Explanation => ({
        code: "NO_RELAY",
        text: `The message for the queue "${queue}" has waited in the outbox since ${timeText(at)}, and ${claimed ? "the relay that has claimed it has not published it" : "no relay has claimed it"}.`,
        fix: claimed
          ? "Read the errors that the relay reports (`onError` of createRelay), and check that it reaches RabbitMQ."
          : "Start a process with createRelay, or check that the relay reaches RabbitMQ and knows this queue.",
      }),
    ),
    ...scheduled.map(
      ({ entryId, queue, dueAt }): Explanation => ({
        code: "SCHEDULED",
        text: `A message for the queue "${queue}" is due at ${timeText(dueAt)}.`,
        fix: `To send it now: npx @subtitles/job-store outbox run-now ${entryId}`,
      }),
    ),
  ];
}

/** Returns the queues of the job: those of its messages, and those whose workers named its status. */
function queuesOf({ record, messages, waiting, workers }: Facts): readonly string[] {
  const named = [...workers.consumers, ...workers.live].filter(
    ({ from, working }) => working === record.status || from.includes(record.status),
  );
  return [...new Set([...messages, ...waiting, ...named].map(({ queue }) => queue))].sort();
}

function pauseReasons(facts: Facts): Explanation[] {
  const queues = queuesOf(facts);
  return facts.pauses
    .filter(({ queue }) => queues.includes(queue))
    .map(
      (pause): Explanation => ({
        code: "PAUSED",
        text: describePause(pause),
        fix: `To end the pause: npx @subtitles/job-store resume ${shellText(pause.queue)}`,
      }),
    );
}

function workerReasons(facts: Facts): Explanation[] {
  return queuesOf(facts).flatMap((queue): Explanation[] => {
    const live = facts.workers.live.filter((worker) => worker.queue === queue);
    if (live.some(({ state }) => state !== "waiting")) return [];
    const reason =
      live.length === 0
        ? {
            text: `No live worker consumes the queue "${queue}".`,
            fix: "Start a worker for this queue, or check why its heartbeats do not reach the store: npx @subtitles/job-store workers",
          }
        : {
            text: `No live worker consumes the queue "${queue}": ${live.length === 1 ? "the only one waits" : `all ${live.length} wait`} for the message broker.`,
            fix: "Check that the workers reach the broker, and read the errors that they report. To list the workers: npx @subtitles/job-store workers",
          };
    return [{ code: "NO_WORKER", ...reason }];
  });
}

function leaseReasons({ record, lease, workers }: Facts): Explanation[] {
  if (lease === null) return [];
  const until = timeText(lease.until);
  if (lease.owned) {
    const runner = workers.live.find(({ running }) => running.includes(record.id));
    const by = runner?.by ?? record.history.at(-1)?.by;
    const since = timeText(record.statusAt.getTime());
    return [
      {
        code: "LEASED",
        text: `A worker${by === undefined ? "" : ` (${by})`} runs the job since ${since}. Its lease ends at ${until}, unless a heartbeat renews it.`,
        fix: null,
      },
    ];
  }
  const note = record.history.at(-1)?.note;
  return [
    {
      code: "LEASED",
      text: `The job waits until ${until} for a retry, or because it was postponed.${note === undefined ? "" : ` Reason: ${note}`}`,
      fix: `To continue now: npx @subtitles/job-store outbox run-now --job ${record.id}`,
    },
  ];
}

function limitReasons({ waiting }: Facts): Explanation[] {
  return waiting.map(({ queue, field, value, max, taken, ahead }) => {
    const places = max === null ? `${taken} places are` : `${taken} of ${max} places are`;
    const before =
      ahead === 0 ? "It is the next one." : `Before it, ${ahead} ${ahead === 1 ? "message waits" : "messages wait"}.`;
    return {
      code: "LIMITED",
      text: `The message for the queue "${queue}" waits for a place: ${places} taken by jobs with ${field} = ${JSON.stringify(value)}. ${before}`,
      fix: `To see the jobs with this value: npx @subtitles/job-store list --where ${shellText(`${field}=${value}`)}`,
    };
  });
}

function overdueReason({ record, lease, now }: Facts, { timeouts }: StoreConfig): Explanation | null {
  const timeout = timeouts.get(record.status);
  if (timeout === undefined || lease !== null) return null;
  const end = record.updatedAt.getTime() + timeout.ms;
  // The check of a timeout is late by some seconds.
  if (now - end < GRACE_MS) return null;
  return {
    code: "OVERDUE",
    text: `The timeout of the status "${record.status}" passed at ${timeText(end)}, and the job has not changed to "${timeout.to}".`,
    fix: "Start a process that opens the store with its definition, and without `timeouts: false`. Time in which no process reached the server does not count.",
  };
}

function missingMessage(facts: Facts, { timeouts }: StoreConfig): Explanation | null {
  const { record, messages, complete, now } = facts;
  // A message that a relay has just claimed, or that is young, is no reason to worry.
  if (messages.length > 0) return null;
  if (timeouts.has(record.status) || now - record.statusAt.getTime() < GRACE_MS) return null;
  const since = timeText(record.statusAt.getTime());
  const [first] = queuesOf(facts);
  const queue = first === undefined ? "QUEUE" : shellText(first);
  const searched = complete ? "" : ` Only the oldest ${SEARCHED} messages of each kind were searched.`;
  return {
    code: "NO_MESSAGE",
    text: `The job has been in "${record.status}" since ${since}, without a lease, a timeout or a message in the outbox.${searched} ${publication(facts)}`,
    fix: `Look at the queue and its dead letters: npx @subtitles/job-store dead-letters list --queue ${queue}. To request the job again: npx @subtitles/job-store set-status ${record.id} ${shellText(record.status)} --force --queue ${queue} --payload JSON`,
  };
}

/** Describes when a message of the job was published last. An acknowledged message can still be in RabbitMQ. */
function publication({ record, publishedAt, publishedSince }: Facts): string {
  // An earlier publication was one of a deleted job of this id. The time is known to the second.
  if (publishedAt !== null && publishedAt + 1000 > record.createdAt.getTime())
    return `A message can still be in RabbitMQ: the last one was published at ${timeText(publishedAt)}.`;
  const since = publishedSince === null ? "no publication is known" : `none is known since ${timeText(publishedSince)}`;
  return `A message can still be in RabbitMQ, but ${since}.`;
}

/** Quotes an argument for a shell, if it needs quotes. */
function shellText(text: string): string {
  if (/^[\w.:/@=-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
