import { unreadable } from "./codec.js";
import type { Conflict, Illegal, Missing, TooLarge, Unreadable } from "./driver.js";
import { JobStoreError } from "./errors.js";

export type Refused = Missing | Conflict | Illegal | TooLarge | Unreadable | { readonly kind: "over" };

/** The one place where a driver's refusal becomes the error that a caller meets. */
export function refusal(
  reply: Refused,
  call: { readonly jobId: string; readonly to?: string; readonly next?: readonly string[] | undefined },
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
    case "conflict":
      return new JobStoreError(
        "CONFLICT",
        `Job ${jobId} has moved on: it is not the snapshot's version any more but ${reply.version}. Read it again and decide anew.`,
        { jobId, currentVersion: reply.version },
      );
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
