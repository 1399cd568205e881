import { JobStoreError } from "../../errors.js";

/**
 * Changes a job. Where the store's answer was lost, it looks what became of it: a call that ended as indeterminate is never
 * carried out later.
 *
 * @param change.look what `call` would have answered, where a look at the job tells that
 * @throws JobStoreError UNAVAILABLE, in words about this job
 */
export async function resolveIndeterminate<T>(
  id: string,
  change: { readonly call: () => Promise<T>; readonly look: () => Promise<T | "not made" | "unknown"> },
): Promise<T> {
  try {
    return await change.call();
  } catch (error) {
    if (!JobStoreError.is(error, "UNAVAILABLE") || error.indeterminate !== true) throw error;
    const outcome = await change.look().catch(() => "unknown" as const);
    if (outcome !== "unknown" && outcome !== "not made") return outcome;
    const indeterminate = outcome === "unknown";
    const message = indeterminate
      ? `What became of job ${id} is not known; look with: job-store get ${id}. ${error.message}`
      : `Redis did not answer in time, and job ${id} is as it was. Try again.`;
    throw new JobStoreError("UNAVAILABLE", message, { jobId: id, indeterminate });
  }
}
