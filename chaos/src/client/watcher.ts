import { setTimeout as pause } from "node:timers/promises";
import { type JobEvent, JobStoreError } from "@subtitles/job-store";
import type { Journal, LoggedEvent } from "../journal.js";
import type { Status, Task, Tasks } from "../workload.js";

/** Writes all events after a cursor to the journal. */
export async function watch(options: {
  readonly store: Tasks;
  readonly journal: Journal;
  readonly after: string | null;
  readonly stop: AbortSignal;
}): Promise<void> {
  const { store, journal, stop } = options;
  let after = options.after;
  while (!stop.aborted) {
    try {
      for await (const event of store.watch(after === null ? {} : { after }, { signal: stop })) {
        after = event.cursor;
        const logged = toLogged(event);
        if (logged !== null) journal.write({ line: "watched", event: logged, cursor: event.cursor });
      }
    } catch (error) {
      if (!JobStoreError.is(error, "UNAVAILABLE")) throw error;
      await pause(100);
    }
  }
}

/** Converts an event of `watch` to an entry of the log. Returns null for `snapshot`, which is not in the log. */
export function toLogged(event: JobEvent<Task>): LoggedEvent | null {
  switch (event.type) {
    case "snapshot":
      return null;
    case "resync":
      return { type: "resync" };
    case "deleted":
      return { type: "deleted", job: event.id, at: event.at.getTime() };
    case "progress": {
      const { id, version, at, progress } = event;
      return { type: "progress", job: id, version, at: at.getTime(), by: progress?.by ?? "" };
    }
    default: {
      const { type, id, from, to, version, at, by } = event;
      return { type, job: id, from: from as Status | null, to: to as Status, version, at: at.getTime(), by: by ?? "" };
    }
  }
}
