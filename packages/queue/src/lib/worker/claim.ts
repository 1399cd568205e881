import { JobStoreError } from "@subtitles/job-store";
import { VERSION_HEADER, versionOf } from "../definition.js";
import type { SourceDelivery } from "../delivery-source.js";
import { parseBody } from "../payload.js";
import type { WorkerSettings } from "./options.js";
import { isOutage, type Outages } from "./outages.js";
import type { Request } from "./request.js";
import { CallStopped, type StoreCalls } from "./store-calls.js";
import type { WorkerEvent } from "./types.js";
import type { Claimed, PauseAnswer } from "./worker-store.js";

/** Message to look at. */
export interface WorkItem {
  readonly delivery: SourceDelivery;
  /** Origin with which the worker looks at the message: its own, or that of an earlier claim. */
  readonly origin: string | undefined;
}

/** Parts of a worker that a claim uses. */
export interface ClaimSurroundings {
  readonly settings: WorkerSettings;
  readonly calls: StoreCalls;
  readonly outages: Outages;
  /** True when no further job may be claimed. */
  readonly isClosing: boolean;
  createKey(): string;
}

/** Answer to the claim of a message's job. */
export type ClaimReply =
  | { readonly kind: "claimed"; readonly claim: Claimed; readonly key: string; readonly thrown: Thrown | null }
  | { readonly kind: "skipped"; readonly reason: NonNullable<WorkerEvent["reason"]> }
  /** The queue is paused, so the message must be returned. */
  | ({ readonly kind: "paused" } & PauseAnswer)
  /** The record of the job cannot be read, or the message names no possible job. */
  | { readonly kind: "refused"; readonly error: JobStoreError };

/** Value that `ready` threw. */
interface Thrown {
  readonly error: unknown;
}

/** Claims the job that a message names, after `ready` has agreed. @throws CallStopped when the worker closes */
export async function claimJob(
  { delivery, origin }: WorkItem,
  { jobId, payload }: Request,
  around: ClaimSurroundings,
): Promise<ClaimReply> {
  const { settings, calls } = around;
  const { store, queue, from, working, leaseMs, limit, by } = settings;
  const { id, headers, version, body } = delivery.envelope;
  const message = {
    queue: queue.name,
    id,
    // Stored as it was received: the payload of an older version was converted.
    payload: version === versionOf(queue) ? payload : parseBody(body),
    headers: version === 1 ? headers : { ...headers, [VERSION_HEADER]: String(version) },
    ...(origin !== undefined && { origin }),
  };
  try {
    for (;;) {
      const ready = settings.ready === undefined ? WITHOUT_READY : await askReady(jobId, settings.ready, around);
      if (ready.kind === "skipped") return ready;
      if (around.isClosing) throw new CallStopped();
      const key = around.createKey();
      const options = { from, leaseMs, key, message, ifVersion: ready.version, limit, by };
      const answer = await calls.repeat(
        () => store.claim(jobId, working, options),
        () => !around.isClosing,
      );
      if (answer.kind === "claimed") return { kind: "claimed", claim: answer, key, thrown: ready.thrown };
      if (answer.kind === "paused") return answer;
      if (answer.kind !== "changed") return { kind: "skipped", reason: answer.kind };
    }
  } catch (error) {
    if (!JobStoreError.is(error)) throw error;
    return { kind: "refused", error };
  }
}

type Readiness =
  | { readonly kind: "ready"; readonly version: number | undefined; readonly thrown: Thrown | null }
  | { readonly kind: "skipped"; readonly reason: "missing" | "not ready" };

const WITHOUT_READY: Readiness = { kind: "ready", version: undefined, thrown: null };

/** Asks `ready` if the job is in a status in `from`. The answer counts for one version of the job. */
async function askReady(
  jobId: string,
  ready: NonNullable<WorkerSettings["ready"]>,
  around: ClaimSurroundings,
): Promise<Readiness> {
  const { settings, calls, outages } = around;
  const { store, from } = settings;
  for (;;) {
    const startedAt = performance.now();
    const job = await calls.repeat(
      () => store.get(jobId),
      () => !around.isClosing,
    );
    if (job === null) return { kind: "skipped", reason: "missing" };
    const { version } = job;
    if (!from.includes(job.status)) return { kind: "ready", version, thrown: null };
    try {
      if (await ready(job)) return { kind: "ready", version, thrown: null };
      return { kind: "skipped", reason: "not ready" };
    } catch (error) {
      if (!isOutage(error) || !(await outages.wasInterrupted(startedAt)))
        return { kind: "ready", version, thrown: { error } };
      await outages.restored();
    }
  }
}
