import type { JobDefinition } from "../definition.js";
import { JobStoreError } from "../errors.js";
import { idFrom } from "../id-from.js";
import type { Job } from "../job.js";
import type { OutboxMessage } from "../outbox.js";
import type { ActionContext } from "./context.js";
import type { EnteredMessage, Outcome, ShownJob } from "./protocol.js";
import { codeOf, messageOf } from "./reply.js";

/** Result of a change. null: it is done. */
export type Result = Omit<Outcome, "id">;

/** Change of the status of jobs. */
export interface JobChange {
  readonly to: string;
  /** True: only from a final status. */
  readonly isRetry: boolean;
  readonly message: EnteredMessage | undefined;
  readonly note: string | undefined;
  /** Digest of this change, at most 22 characters. The key of the change contains it. */
  readonly digest: string;
}

/**
 * Makes a change, and returns its outcome.
 *
 * @param id of the job, the entry or the queue
 * @param describe returns the message of an error
 */
export async function withOutcome(
  id: string,
  change: () => Promise<Result | null>,
  describe: (error: unknown) => string = messageOf,
): Promise<Outcome> {
  try {
    return { id, ...((await change()) ?? { outcome: "done", message: null }) };
  } catch (error) {
    return { id, outcome: outcomeOf(error), message: describe(error) };
  }
}

function outcomeOf(error: unknown): Outcome["outcome"] {
  if (!JobStoreError.is(error)) {
    // Errors of the broker do not say if a part of the call was carried out.
    return codeOf(error) === "INVALID_ARGUMENT" ? "refused" : "unknown";
  }
  if (error.code === "CONFLICT" || error.code === "NOT_FOUND") return "moved";
  if (error.committed === true) return "done";
  return error.indeterminate === true ? "unknown" : "refused";
}

/** Makes a change of a job, and returns its outcome. */
function withJobOutcome({ values }: ActionContext, id: string, change: () => Promise<Result | null>): Promise<Outcome> {
  return withOutcome(id, change, (error) => values.messageOf(error, id));
}

/** Moves a job to another status, if it has the version that was shown. */
export function moveJob(context: ActionContext, shown: ShownJob, change: JobChange): Promise<Outcome> {
  const { id, version } = shown;
  const { to, isRetry, message, note, digest } = change;
  const { by, requestId } = context;
  const { store } = context.opened;
  const request = `dashboard:${requestId}:`;
  const key = `${request}${version}.${digest}`;
  return withJobOutcome(context, id, async () => {
    const stored = await store.get(id);
    if (stored !== null && isAnother(stored, shown)) return createdAgain(stored);
    const earlier = stored?.history.findLast((made) => made.key?.startsWith(request) === true);
    if (earlier !== undefined && earlier.key !== key) {
      return {
        outcome: "refused",
        message: `The same request id moved this job to "${earlier.to}" before. Send the action with a new request id.`,
      };
    }
    // A job with another version is refused by the store, unless this request has changed it.
    if (isRetry && stored?.version === version && store.definition.statuses[stored.status]?.final !== true) {
      return {
        outcome: "refused",
        message: `Its status "${stored.status}" is not final, so there is nothing to retry.`,
      };
    }
    const outbox = messagesFor(message, id);
    const job = await store.updateStatus(id, to, { ifVersion: version, by, note, key, outbox });
    if (job.version > version) return null;
    return { outcome: "refused", message: `It is in status "${to}" already.` };
  });
}

/** Returns true if the job was created after the shown one was deleted. */
function isAnother(job: Job<JobDefinition>, { createdAt }: ShownJob): boolean {
  return createdAt !== undefined && createdAt !== job.createdAt.toISOString();
}

function createdAgain({ createdAt }: Job<JobDefinition>): Result {
  return { outcome: "moved", message: `It was deleted, and created again at ${createdAt.toISOString()}.` };
}

function messagesFor(message: EnteredMessage | undefined, id: string): readonly OutboxMessage[] {
  if (message === undefined) return [];
  return [{ queue: message.queue, payload: JSON.parse(message.payload.replaceAll("{id}", id)) }];
}

/** Deletes a job, if it has the version that was shown. A record that cannot be read has version 0 on the page. */
export function deleteJob(context: ActionContext, shown: ShownJob): Promise<Outcome> {
  const { id, version } = shown;
  const { store } = context.opened;
  return withJobOutcome(context, id, async () => {
    let job: Job<JobDefinition> | null;
    try {
      job = await store.get(id);
    } catch (error) {
      if (!JobStoreError.is(error, "UNREADABLE_RECORD") || version !== 0) throw error;
      await store.delete(id);
      return null;
    }
    if (job === null) return { outcome: "done", message: "It does not exist any more." };
    if (isAnother(job, shown)) return createdAgain(job);
    if (job.version !== version) return { outcome: "moved", message: `It has version ${job.version} now.` };
    await store.delete(job);
    return null;
  });
}

/** Creates a job with the data of another one. A repeated request creates it once, because its id depends on the request. */
export async function copyJob(
  context: ActionContext,
  id: string,
  message: EnteredMessage | undefined,
): Promise<Outcome> {
  const { store } = context.opened;
  const copy = idFrom([context.requestId, id]);
  return withJobOutcome(context, copy, async () => {
    const job = await store.get(id);
    if (job === null) return { outcome: "moved", message: `Job ${id} does not exist any more.` };
    await store.create(job.data, { id: copy, by: context.by, outbox: messagesFor(message, copy) });
    return { outcome: "done", message: `Copy of job ${id}.` };
  });
}
