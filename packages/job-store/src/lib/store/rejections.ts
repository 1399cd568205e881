import type { Conflict, Illegal, Missing, TooLarge, Unreadable } from "../driver.js";
import { JobStoreError, notFound, unreadable } from "../errors.js";

/** Replies of a driver that did not carry out the call. */
export type Rejection =
  | Missing
  | Conflict
  | Illegal
  | TooLarge
  | Unreadable
  | { readonly kind: "expired" | "noMessage" };

/** Converts the reply of a driver that did not carry out a call to the error for the caller. */
export function rejection(
  reply: Rejection,
  call: {
    readonly jobId: string;
    /** Size limit of the store, in bytes. */
    readonly maxRecordBytes: number;
    /** Version that the caller expects, if any. */
    readonly expected?: number | undefined;
    /** Requested status. undefined: the call was not a status change. */
    readonly to?: string;
    /** Statuses that can follow the stored one. */
    readonly next?: readonly string[] | undefined;
  },
): JobStoreError {
  const { jobId } = call;
  switch (reply.kind) {
    case "missing":
      return notFound(jobId);
    case "conflict": {
      // A job that was created again can have the expected version, and so can one whose changes a failover has lost.
      const state =
        call.expected === reply.version
          ? "is not the one that was read: it was deleted and created again, or changes were lost"
          : `has version ${reply.version}, but version ${call.expected} was expected`;
      return new JobStoreError(
        "CONFLICT",
        `Job ${jobId} ${state}. Read it again with get() and decide whether your change still applies.`,
        { jobId, currentVersion: reply.version },
      );
    }
    case "illegal": {
      const { from } = reply;
      const { to = from, next = [] } = call;
      const allowed = next.length === 0 ? `no transition from "${from}" is allowed` : `allowed: ${next.join(", ")}`;
      const message =
        call.to === undefined
          ? `Cannot record progress for job ${jobId}: status "${from}" is final.`
          : `Job ${jobId} cannot change from "${from}" to "${to}" (${allowed}).`;
      return new JobStoreError("ILLEGAL_TRANSITION", message, { jobId, from, to });
    }
    case "tooLarge":
      return new JobStoreError(
        "INVALID_DATA",
        `Job ${jobId} is too large: ${reply.bytes} bytes, limit ${call.maxRecordBytes} (maxRecordBytes). Store large content in another place, and a reference to it in the job.`,
        { jobId, issues: [{ path: [], message: `${reply.bytes} bytes is too large` }] },
      );
    case "expired":
      return new JobStoreError(
        "INVALID_ARGUMENT",
        `Job ${jobId} has expired already: its TTL counts from \`statusAt\`. Set a later \`statusAt\` or a longer ttlSeconds.`,
        { jobId },
      );
    case "noMessage":
      return new JobStoreError(
        "INVALID_ARGUMENT",
        `Job ${jobId} cannot get a lease: \`leaseMs\` requires a job that was claimed and stays in its status.`,
        { jobId },
      );
    case "unreadable":
      return unreadable(jobId, reply.reason);
  }
}
