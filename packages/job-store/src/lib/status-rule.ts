/** Rules for jobs in one status. `S`: the statuses of the definition. `F`: its index fields. */
export interface StatusRule<S extends string = string, F extends string = string> {
  /** Statuses that can follow this one. A status that lists itself allows re-entry (a redelivered message). */
  readonly next: readonly S[];
  /**
   * True if no worker acts on a job in this status. A job that leaves it starts its next attempt. `waitFor` resolves in such a
   * status by default. @default false
   */
  readonly final?: boolean | undefined;
  /**
   * Time for which a job is kept after it enters this status, in seconds, at most 100 years, with a resolution of one
   * millisecond. 0: without expiry. @default 0
   */
  readonly ttlSeconds?: number | undefined;
  /**
   * Number of jobs that are kept in this status, 1 or more. The oldest jobs above it are deleted in the background, with a
   * `deleted` event; writes do not wait for that. The number of stored jobs exceeds this limit by at most 2 for each call in
   * progress plus 32 for each process (on a cluster: for each shard of each process). On a single server it does not fall below the
   * limit. On a cluster each shard keeps its share, rounded up, so the total can be lower if there are few jobs.
   * @default no limit
   */
  readonly maxCount?: number | undefined;
  /**
   * Time limit of this status, an integer number of seconds from 1 to 100 years: a job that shows no activity for this time moves to `timeoutTo`, with the error
   * code "TIMEOUT" (retryable) and `by` "timeout". Activity is entering the status, progress, and the end of a lease. A job with a lease
   * does not time out. Every store of the definition enforces it, within 10 seconds (20 if the enforcing store was closed or its process
   * died). Time in which no relay, worker or enforcing store reached the server does not count. Jobs that are in the status when the
   * definition gains the limit have the full time from then on. While processes with different definitions run, the limits of one of them
   * apply, so a new limit takes full effect when every process has it. Not allowed in a final status. @default no limit
   */
  readonly timeoutSeconds?: number | undefined;
  /**
   * Status of a job that timed out: one of `next`, other than the status itself. If it is not final, its `sends` must request the next
   * work. @default "failed" if `next` lists it; otherwise required with `timeoutSeconds`
   */
  readonly timeoutTo?: S | undefined;
  /**
   * Messages that the store adds to the outbox, in the same step, when a job enters this status, by any caller. Their payload is a
   * `SentPayload`. A job that stays in the status sends nothing, and neither does `save`, a deletion or an expiry. A process uses its own
   * definition, so a new message takes full effect when every process has it. @default none
   */
  readonly sends?: readonly StatusMessage<F>[] | undefined;
}

/** Message that is sent when a job enters a status. */
export interface StatusMessage<F extends string = string> {
  /** Name of the queue, 1–255 characters. */
  readonly queue: string;
  /** Index field: the message is only sent for jobs that have a value in it. @default for every job */
  readonly ifField?: F | undefined;
}

/** Payload of a `StatusMessage`. Its message id is `<job id>.<version>.<position>`, after the messages of the change itself. */
export interface SentPayload {
  /** Id of the job that entered the status. */
  readonly jobId: string;
  /** Status that the job entered. */
  readonly status: string;
  /** Index values of the job. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Keys of a rule. Other keys are rejected, because with a misspelt `ttlSecond` jobs would never expire. */
export const RULE_KEYS: ReadonlySet<string> = new Set([
  "next",
  "final",
  "ttlSeconds",
  "maxCount",
  "timeoutSeconds",
  "timeoutTo",
  "sends",
] satisfies (keyof StatusRule)[]);

type Statuses = { readonly [status: string]: StatusRule };

const MAX_TIMEOUT_SECONDS = 100 * 366 * 24 * 3600;

/** Status to which a job changes when its time is over. undefined: none is given, and "failed" does not follow the status. */
export function timeoutTarget({ timeoutTo, next }: StatusRule): string | undefined {
  return timeoutTo ?? (next.includes("failed") ? "failed" : undefined);
}

/** Describes what is wrong with the time limit of a status. Returns null if nothing is. `next` must have been checked. */
export function timeoutFault(status: string, rule: StatusRule, statuses: Statuses): string | null {
  const { timeoutSeconds, timeoutTo, final, next } = rule;
  if (timeoutTo !== undefined && (!next.includes(timeoutTo) || timeoutTo === status)) {
    return `\`timeoutTo\` of status "${status}" must be one of its \`next\`, other than the status itself.`;
  }
  if (timeoutSeconds === undefined) return null;
  if (!(Number.isInteger(timeoutSeconds) && timeoutSeconds >= 1 && timeoutSeconds <= MAX_TIMEOUT_SECONDS)) {
    return `\`timeoutSeconds\` of status "${status}" must be an integer from 1 to ${MAX_TIMEOUT_SECONDS} seconds (100 years).`;
  }
  if (final === true) return `status "${status}" is final, so it cannot have \`timeoutSeconds\`.`;
  const to = timeoutTarget(rule);
  if (to === undefined || to === status) {
    return `status "${status}" has \`timeoutSeconds\`, so it needs \`timeoutTo\`: the status of a job whose time is over. The default is "failed", if \`next\` lists it.`;
  }
  const target = statuses[to];
  if (target?.final === true || (target?.sends ?? []).length > 0) return null;
  return `a job that times out in status "${status}" changes to "${to}", which is not final. "${to}" needs \`sends\` that request the next work.`;
}

/** Keys of a message in `sends`. Others are rejected, because with a misspelt `iffield` every job would send the message. */
const MESSAGE_KEYS: ReadonlySet<string> = new Set(["queue", "ifField"] satisfies (keyof StatusMessage)[]);

/** Describes what is wrong with the messages of a status. Returns null if nothing is. */
export function sendsFault(status: string, sends: unknown, index: object | undefined): string | null {
  if (sends === undefined) return null;
  if (!Array.isArray(sends)) return `\`sends\` of status "${status}" must be an array of messages.`;
  for (const [position, message] of sends.entries()) {
    const name = `\`sends[${position}]\` of status "${status}"`;
    if (typeof message !== "object" || message === null)
      return `${name} must be an object such as { queue: "downloads" }.`;
    const misspelt = Object.keys(message).find((key) => !MESSAGE_KEYS.has(key));
    if (misspelt !== undefined) {
      return `unknown key "${misspelt}" in ${name}. Allowed keys: ${[...MESSAGE_KEYS].join(", ")}.`;
    }
    const { queue, ifField } = message as { readonly queue: unknown; readonly ifField: unknown };
    if (typeof queue !== "string" || queue === "" || queue.length > 255) {
      return `\`queue\` in ${name} must be a string of 1 to 255 characters.`;
    }
    if (ifField !== undefined && (typeof ifField !== "string" || !Object.hasOwn(index ?? {}, ifField))) {
      return `\`ifField\` in ${name} must be one of the fields of \`index\`.`;
    }
  }
  return null;
}
