import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export const API_KEY = "key-of-the-app";
export const ACCOUNT = { username: "ann", password: "correct horse" };
const LINK_FORGOTTEN = 410;

export interface StubSubtitle {
  readonly fileId: number;
  readonly text?: string;
  /** Attributes that replace those of a complete set. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** The subtitle is found only by this hash. */
  readonly hash?: string;
}

/** Faults of the server, and their number. */
export interface Faults {
  badGateway?: number;
  tooMany?: { times: number; retryAfter?: string };
  expiredLinks?: number;
  /** The API accepts requests and sends no reply, or only the beginning of one. */
  silent?: "no reply" | "half a reply";
  /** Tokens become invalid. Requests with them get this status. */
  staleToken?: 401 | 406 | undefined;
}

/**
 * Starts a local OpenSubtitles server. It behaves as the service's documentation, and the code and issues of its clients,
 * describe it: login and tokens, canonical queries by redirect, attributes that are null, quota, links that expire, rate limits,
 * and errors that are not JSON.
 */
export async function startOpenSubtitles(options: {
  readonly subtitles?: readonly StubSubtitle[];
  readonly quota?: number;
  /** Host that a login names for clients. `%s` is the port. @default the same host */
  readonly loginHost?: string;
}) {
  const subtitles = options.subtitles ?? [];
  const faults: Faults = {};
  const calls: string[] = [];
  const tokens = new Set<string>();
  let remaining = options.quota ?? 20;
  const resetsAt = new Date(Date.now() + 5 * 3_600_000);

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://stub");
    calls.push(`${request.method} ${request.url}`);
    if (url.pathname.startsWith("/files/")) return file(url, response);
    if (!url.pathname.startsWith("/api/v1/")) return json(response, 404, { message: "no route" });
    if (!/^\S.* v\d/.test(request.headers["user-agent"] ?? "")) return html(response, 403);
    if (request.headers["api-key"] !== API_KEY)
      return json(response, 403, { message: "You cannot consume this service" });
    if (faults.silent) {
      if (faults.silent === "half a reply") response.writeHead(200, { "content-type": "application/json" }).write("{");
      return;
    }
    if (take("badGateway")) return html(response, 502);
    if (faults.tooMany && faults.tooMany.times-- > 0) {
      if (faults.tooMany.retryAfter) response.setHeader("retry-after", faults.tooMany.retryAfter);
      return json(response, 429, { message: "Throttle limit reached" });
    }
    response.setHeader("ratelimit-remaining", "4");
    switch (`${request.method} ${url.pathname.slice("/api/v1".length)}`) {
      case "POST /login":
        return login(await bodyOf(request), response);
      case "GET /subtitles":
        return search(url, response);
      case "POST /download":
        return download(request, await bodyOf(request), response);
      default:
        return json(response, 404, { message: "no route" });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  async function close() {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;

  function take(fault: "badGateway" | "expiredLinks"): boolean {
    const left = faults[fault] ?? 0;
    faults[fault] = left - 1;
    return left > 0;
  }

  function login(body: Record<string, unknown>, response: ServerResponse) {
    const { username, password } = body;
    if (String(username).includes("@")) return json(response, 400, { message: "use the user name, not the e-mail" });
    if (username !== ACCOUNT.username || password !== ACCOUNT.password) {
      return json(response, 401, { message: "Error, invalid username/password", status: 401 });
    }
    const token = `token-${tokens.size + 1}`;
    tokens.add(token);
    faults.staleToken = undefined;
    const base_url = options.loginHost?.replace("%s", String(port)) ?? `127.0.0.1:${port}`;
    return json(response, 200, {
      user: { allowed_downloads: 20, level: "Sub leecher", user_id: 66, ext_installed: false, vip: false },
      base_url,
      token,
      status: 200,
    });
  }

  function search(url: URL, response: ServerResponse) {
    // Query with sorted keys, in lower case. All other queries are redirected to it.
    const canonical = new URLSearchParams(url.search.toLowerCase());
    canonical.sort();
    if (canonical.toString() !== url.searchParams.toString()) {
      response.writeHead(301, { location: `/api/v1/subtitles?${canonical}` }).end();
      return;
    }
    const hash = url.searchParams.get("moviehash");
    const languages = url.searchParams.get("languages")?.split(",") ?? [];
    const data = subtitles
      .filter((one) => (hash === null ? one.hash === undefined : one.hash === hash))
      .map((one) => entryOf(one, hash !== null))
      .filter(({ attributes }) => attributes.language === null || languages.includes(String(attributes.language)));
    json(response, 200, { total_pages: 1, total_count: data.length, per_page: 50, page: 1, data });
  }

  function download(request: IncomingMessage, body: Record<string, unknown>, response: ServerResponse) {
    const token = request.headers.authorization?.replace("Bearer ", "");
    if (token !== undefined && (faults.staleToken || !tokens.has(token))) {
      return json(response, faults.staleToken ?? 401, { message: "invalid token" });
    }
    const found = subtitles.find(({ fileId }) => fileId === body.file_id);
    if (!found) return json(response, 400, { message: "Invalid file_id" });
    const quota = { requests: 21, reset_time: "5 hours", reset_time_utc: resetsAt.toISOString().replace(/\.\d+/, "") };
    if (remaining <= 0) {
      return json(response, 406, { ...quota, remaining: -1, message: "You have downloaded your allowed 20 subtitles" });
    }
    remaining -= 1;
    return json(response, 200, {
      ...quota,
      link: `${origin}/files/${found.fileId}`,
      file_name: "x.srt",
      remaining,
      message: "",
    });
  }

  function file(url: URL, response: ServerResponse) {
    if (take("expiredLinks")) return response.writeHead(LINK_FORGOTTEN).end();
    const found = subtitles.find(({ fileId }) => url.pathname === `/files/${fileId}`);
    return response.writeHead(found ? 200 : 404, { "content-type": "text/plain" }).end(found?.text ?? "");
  }

  return {
    baseUrl: `${origin}/api/v1`,
    calls,
    faults,
    resetsAt,
    close,
    called: (start: string) => calls.filter((call) => call.startsWith(start)),
  };
}

function entryOf({ fileId, attributes }: StubSubtitle, byHash: boolean) {
  return {
    id: String(fileId),
    type: "subtitle",
    attributes: {
      subtitle_id: String(fileId),
      language: "en",
      download_count: 10,
      new_download_count: 1,
      hearing_impaired: false,
      hd: true,
      fps: 23.976,
      votes: 0,
      ratings: 0,
      from_trusted: null,
      foreign_parts_only: false,
      upload_date: "2021-03-04T05:06:07Z",
      ai_translated: false,
      machine_translated: null,
      moviehash_match: byHash || null,
      release: "The.Last.Ferry.2021.1080p.WEB",
      comments: null,
      uploader: { uploader_id: null, name: null, rank: "anonymous" },
      feature_details: {
        feature_id: 1,
        feature_type: "Movie",
        year: 2021,
        title: "The Last Ferry",
        movie_name: "2021 - The Last Ferry",
        imdb_id: null,
        season_number: null,
        episode_number: null,
        parent_title: null,
      },
      files: [{ file_id: fileId, cd_number: 1, file_name: null }],
      ...attributes,
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks = await request.toArray();
  return JSON.parse(Buffer.concat(chunks).toString() || "{}");
}

function json(response: ServerResponse, status: number, body: unknown) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function html(response: ServerResponse, status: number) {
  response.writeHead(status, { "content-type": "text/html" }).end("<html><h1>Sorry</h1></html>");
}
