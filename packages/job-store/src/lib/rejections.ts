import { unreadable } from "./codec.js";
import type { Conflict, Illegal, Missing, TooLarge, Unreadable } from "./driver.js";
import { JobStoreError } from "./errors.js";

export type Rejection = Missing | Conflict | Illegal | TooLarge | Unreadable | { readonly kind: "over" };

/** The one place where a driver's refusal becomes the error that a caller meets. */
export function rejection(
  reply: Rejection,
  call: {
    readonly jobId: string;
    /** The version that the caller expects, if any. */
    readonly expected?: number | undefined;
    readonly to?: string;
    readonly next?: readonly string[] | undefined;
  },
): JobStoreError {
  const { jobId } = call;
  switch (reply.kind) {
    case "missing":
      return new JobStoreError(
        "NOT_FOUND",
        `There is no job ${jobId}: it was never created, deleted, or its time is over.`,
        {
          jobId,
        },
      );
    case "conflict": {
      // A job that was created again may have the expected version.
      const found =
        call.expected === reply.version
          ? "was deleted and created again since it was read"
          : `has version ${reply.version}, but version ${call.expected} was expected`;
      return new JobStoreError(
        "CONFLICT",
        `Job ${jobId} ${found}. Read it again with get() and decide whether your change still applies.`,
        { jobId, currentVersion: reply.version },
      );
    }
    case "illegal": {
      const { from } = reply;
      if (call.to === undefined) {
        return new JobStoreError(
          "ILLEGAL_TRANSITION",
          `Job ${jobId} is "${from}", which is final: it takes no progress.`,
          {
            jobId,
            from,
            to: from,
          },
        );
      }
      const next = call.next?.length ? `may follow: ${call.next.join(", ")}` : "nothing may follow";
      return new JobStoreError(
        "ILLEGAL_TRANSITION",
        `Job ${jobId} is "${from}" and cannot become "${call.to}" (${next}).`,
        { jobId, from, to: call.to },
      );
    }
    case "tooLarge":
      return new JobStoreError(
        "INVALID_DATA",
        `Job ${jobId} would take ${reply.bytes} bytes, more than the store's maxRecordBytes. Keep large content elsewhere and store a reference.`,
        { jobId, issues: [{ path: [], message: `${reply.bytes} bytes is too large` }] },
      );
    case "over":
      return new JobStoreError(
        "INVALID_ARGUMENT",
        `Job ${jobId} would have expired already: its status's TTL runs from job.statusAt.`,
        { jobId },
      );
    case "unreadable":
      return unreadable(jobId, reply.reason);
  }
}
