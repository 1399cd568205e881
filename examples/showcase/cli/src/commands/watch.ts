import type { Api } from "../api.js";
import type { Display } from "../display.js";
import { EXIT, Exit } from "../exit.js";
import { follow } from "../follow.js";
import type { Job } from "../job.js";

export interface WatchOptions {
  readonly signal: AbortSignal;
  readonly display: Display;
}

/** Shows a job until it has ended. @throws Exit with the reason if the job failed */
export async function watch(api: Api, id: string, { signal, display }: WatchOptions): Promise<Job> {
  let last: Job | undefined;
  try {
    for await (const job of follow(api, id, signal)) {
      last = job;
      display.show(job);
    }
  } finally {
    display.end();
  }
  if (last?.status !== "completed") throw new Exit(EXIT.failed, last?.error?.message ?? "The job failed.");
  return last;
}
