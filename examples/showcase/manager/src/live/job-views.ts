import type { SubtitleJob, SubtitleStore } from "@showcase/contracts";
import type { Job, JobEvent } from "@subtitles/job-store";

const REMEMBERED = 1000;

type Changed = Extract<JobEvent<SubtitleJob>, { readonly type: "created" | "status" | "saved" | "progress" }>;

/** The jobs that events tell of. However many clients listen, a job is read once for each of its versions. */
export interface JobViews {
  /** The job as the event left it, or newer; null where it is gone. */
  after(event: Changed): Promise<Job<SubtitleJob> | null>;
}

export function createJobViews(store: SubtitleStore): JobViews {
  const remembered = new Map<string, Promise<Job<SubtitleJob> | null>>();

  function read(id: string, version: number): Promise<Job<SubtitleJob> | null> {
    const key = `${id} ${version}`;
    const known = remembered.get(key);
    if (known) return known;
    const reading = store.get(id);
    remembered.set(key, reading);
    reading.catch(() => remembered.delete(key));
    for (const oldest of remembered.keys()) {
      if (remembered.size <= REMEMBERED) break;
      remembered.delete(oldest);
    }
    return reading;
  }

  return {
    async after(event) {
      const job = await read(event.id, event.version);
      if (event.type !== "progress" || job?.version !== event.version) return job;
      return { ...job, progress: event.progress, updatedAt: event.at };
    },
  };
}
