import { createProviderAccess } from "@showcase/contracts";
import { LARGEST_SUBTITLE_BYTES } from "../content/limits.js";
import { fetchPublic } from "../net/fetch-public.js";
import type { OpenSubtitlesOptions } from "./options.js";
import { downloadReply, type FoundSubtitle, searchReply } from "./replies.js";
import { createRequests } from "./requests.js";
import { createSession } from "./session.js";

/** Name of the service among sources and providers. */
export const PROVIDER = "opensubtitles";

export interface OpenSubtitlesClient {
  search(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly FoundSubtitle[]>;
  /** Downloads a file, which uses one download of the quota. Null if the file is empty. */
  download(fileId: number, signal: AbortSignal): Promise<Uint8Array | null>;
}

/**
 * Client of OpenSubtitles' REST API, version 1. Every call throws `RetryLater` or `JobFailed` if the service must not be called
 * now.
 */
export function openSubtitlesClient(options: OpenSubtitlesOptions): OpenSubtitlesClient {
  const access = createProviderAccess({ name: PROVIDER, title: "OpenSubtitles" }, options.states, options.log);
  const requests = createRequests(options, access);
  const session = createSession(options, requests, access);

  async function linkTo(fileId: number, signal: AbortSignal): Promise<string> {
    await access.mayUseQuota();
    const body = { file_id: fileId, sub_format: "srt" };
    const reply = downloadReply.parse(await session.send({ method: "POST", path: "/download", body }, signal));
    // Notes the remaining quota. 0 concerns the next download: this one already has its link.
    if (typeof reply.remaining === "number") {
      await access.note({ remaining: reply.remaining, resetsAt: reply.reset_time_utc });
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
      // The link has expired. A new link for the same file does not count as another download.
      if (file.status === 410) file = await fetchPublic(await linkTo(fileId, signal), fetchOptions);
      if (file.status !== 200) throw new Error(`OpenSubtitles' file server answered ${file.status}.`);
      return file.body.byteLength > 0 ? file.body : null;
    },
  };
}

/** Sorts the parameters, in lower case. The service redirects all other queries to this form, and the redirect counts as a request. */
function canonical(query: Readonly<Record<string, string>>): URLSearchParams {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) params.set(key, value.toLowerCase());
  params.sort();
  return params;
}
