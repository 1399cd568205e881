import { setTimeout as delay } from "node:timers/promises";
import type { Log, SubtitleFiles, SubtitleStore } from "@showcase/contracts";
import { JobStoreError } from "@subtitles/job-store";

const ASKED_AT_ONCE = 200;

/**
 * Removes the files of jobs that do not exist: of expired jobs, and of jobs that were deleted before a crash. A file can be older
 * than its job by a short time, so new files are kept. If a store has no job, no file is removed, because the files can belong to
 * another store.
 * @returns number of jobs whose files were removed
 */
export async function removeOrphans(
  store: SubtitleStore,
  files: SubtitleFiles,
  { olderThanMs }: { readonly olderThanMs: number },
): Promise<number> {
  const counts = Object.values(await store.counts());
  if (counts.every((count) => count === 0)) return 0;
  const stored = await files.list({ olderThanMs });
  let removed = 0;
  for (let start = 0; start < stored.length; start += ASKED_AT_ONCE) {
    const ids = stored.slice(start, start + ASKED_AT_ONCE);
    const jobs = await store.getMany(ids);
    for (const id of ids.filter((_, at) => jobs[at] === null)) {
      await files.remove(id);
      removed += 1;
    }
  }
  return removed;
}

export interface OrphanRemoval extends AsyncDisposable {
  /** Number of jobs whose files were removed since the start. */
  readonly removed: number;
  close(): Promise<void>;
}

/** Starts the periodic removal of files without a job. Several managers can do this at the same time. */
export function startOrphanRemoval({
  store,
  files,
  log,
  everyMs = 3_600_000,
}: {
  readonly store: SubtitleStore;
  readonly files: SubtitleFiles;
  readonly log: Log;
  /** Time between two removals, and minimum age of the files, in milliseconds. @default one hour */
  readonly everyMs?: number | undefined;
}): OrphanRemoval {
  const stop = new AbortController();
  let removed = 0;

  async function run(): Promise<void> {
    for (;;) {
      await delay(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => {});
      if (stop.signal.aborted) return;
      try {
        removed += await removeOrphans(store, files, { olderThanMs: everyMs });
      } catch (error) {
        log[JobStoreError.is(error) ? "warn" : "error"]({ err: error }, "orphans: it is tried again later");
      }
    }
  }

  const running = run();
  const close = async () => {
    stop.abort();
    await running;
  };
  return {
    get removed() {
      return removed;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
