import type { SubtitleJob, SubtitleStore } from "@showcase/contracts";
import type { Job, ListQuery } from "@subtitles/job-store";

/** Number of the newest jobs that are searched. No index contains titles. */
export const SEARCHED_AT_MOST = 1000;
const PAGE = 250;

export interface Found {
  readonly items: readonly Job<SubtitleJob>[];
  /** Number of jobs that were searched. */
  readonly searched: number;
  /** True if there are older jobs, or more matches. */
  readonly more: boolean;
}

/** Returns the first `limit` matching jobs among the first 1,000 jobs of a list. */
export async function search(
  store: SubtitleStore,
  query: ListQuery<SubtitleJob>,
  matches: (job: Job<SubtitleJob>) => boolean,
  limit: number,
): Promise<Found> {
  const items: Job<SubtitleJob>[] = [];
  let searched = 0;
  let cursor: string | undefined;
  do {
    const page = await store.list({ ...query, limit: PAGE, cursor });
    cursor = page.cursor;
    for (const job of page.items) {
      searched += 1;
      if (matches(job)) items.push(job);
      if (items.length === limit) return { items, searched, more: cursor !== undefined || job !== page.items.at(-1) };
    }
  } while (cursor !== undefined && searched < SEARCHED_AT_MOST);
  return { items, searched, more: cursor !== undefined };
}

/** Returns true if the title has all the words. Their order, case and accents do not count. */
export function titleMatches(q: string): (job: Job<SubtitleJob>) => boolean {
  const words = plain(q).split(/\s+/).filter(Boolean);
  return ({ data }) => {
    const title = plain(data.videoTitle);
    return words.every((word) => title.includes(word));
  };
}

function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
}
