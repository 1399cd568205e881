import { createStanding } from "@showcase/contracts";
import { LARGEST_SUBTITLE_BYTES } from "../content/limits.js";
import { fetchPublic } from "../net/fetch-public.js";
import type { OpenSubtitlesOptions } from "./options.js";
import { downloadReply, type FoundSubtitle, searchReply } from "./replies.js";
import { createRequests } from "./requests.js";
import { createSession } from "./session.js";

/** Its name among sources and providers. */
export const PROVIDER = "opensubtitles";

export interface OpenSubtitlesClient {
  search(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly FoundSubtitle[]>;
  /** Uses up one download. Null where there is nothing in the file. */
  download(fileId: number, signal: AbortSignal): Promise<Uint8Array | null>;
}

/** OpenSubtitles' REST API, version 1. Every call throws `RetryLater` or `JobFailed` where the service must not be asked now. */
export function openSubtitlesClient(options: OpenSubtitlesOptions): OpenSubtitlesClient {
  const standing = createStanding({ name: PROVIDER, title: "OpenSubtitles" }, options.states, options.log);
  const requests = createRequests(options, standing);
  const session = createSession(options, requests, standing);

  async function linkTo(fileId: number, signal: AbortSignal): Promise<string> {
    await standing.mayUseQuota();
    const body = { file_id: fileId, sub_format: "srt" };
    const reply = downloadReply.parse(await session.send({ method: "POST", path: "/download", body }, signal));
    // Nothing remaining is news about the next download: this one has its link.
    if (typeof reply.remaining === "number") {
      await standing.note({ remaining: reply.remaining, resetsAt: reply.reset_time_utc });
    }
    return reply.link;
  }

  return {
    async search(query, signal) {
      const path = `/subtitles?${canonical(query)}`;
      return searchReply.parse(await session.send({ method: "GET", path }, signal)).data;
    },
    async download(fileId, signal) {
      const fetchOptions = {
        signal,
        maxBytes: LARGEST_SUBTITLE_BYTES,
        trustedOrigins: [new URL(options.baseUrl).origin],
      };
      let file = await fetchPublic(await linkTo(fileId, signal), fetchOptions);
      // The link has expired on the way: a new one for the same file is not counted again.
      if (file.status === 410) file = await fetchPublic(await linkTo(fileId, signal), fetchOptions);
      if (file.status !== 200) throw new Error(`OpenSubtitles' file server answered ${file.status}.`);
      return file.body.byteLength > 0 ? file.body : null;
    },
  };
}

/** Sorted, lower case: anything else is redirected to that, which costs a request. */
function canonical(query: Readonly<Record<string, string>>): URLSearchParams {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) params.set(key, value.toLowerCase());
  params.sort();
  return params;
}
