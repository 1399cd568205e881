import type { SubtitleFiles, SubtitleStore } from "@example/contracts";

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
