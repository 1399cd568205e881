import { setTimeout as delay } from "node:timers/promises";
import type { Log, SubtitleFiles, SubtitleStore } from "@showcase/contracts";
import { JobStoreError } from "@subtitles/job-store";

const ASKED_AT_ONCE = 200;

/**
 * Removes the files of jobs that are gone: expired, or deleted in an unlucky moment. Files are there before their jobs and
 * may be a little ahead of them, so young ones are left alone. A store without any job says nothing about files: it may be
 * another store than the one that they belong to.
 * @returns how many jobs' files were removed
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
  /** Jobs that were gone and whose files were removed, since the start. */
  readonly removed: number;
  close(): Promise<void>;
}

/** Removes the files of jobs that are gone now and then. Several managers may do so side by side. */
export function startOrphanRemoval({
  store,
  files,
  log,
  everyMs = 3_600_000,
}: {
  readonly store: SubtitleStore;
  readonly files: SubtitleFiles;
  readonly log: Log;
  /** Milliseconds between two looks, and the age of the files. @default one hour */
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
