import type { SubtitleJob, SubtitleStore } from "@showcase/contracts";
import type { Job, JobEvent } from "@subtitles/job-store";

const REMEMBERED = 1000;

type Changed = Extract<JobEvent<SubtitleJob>, { readonly type: "created" | "status" | "saved" | "progress" }>;

/** Jobs of the events. Each version of a job is read once for all clients. */
export interface JobViews {
  /** Returns the job in the version of the event or a newer one. Null: it was deleted. */
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
