// Requests of any client: their origin, token, body and headers, and what the replies say.

import { expect, onTestFinished, test, vi } from "vitest";
import { createDashboard } from "../src/dashboard.js";
import { JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { newRequestId, openDashboard, requestOf } from "./dashboard-client.js";

const status = async (headers: Record<string, string>, name = "act", token?: string) => {
  const { dashboard } = openDashboard({ ...(token !== undefined && { token }) });
  const act = { requestId: newRequestId(), act: { name: "resume", queue: "q" }, store: "reports" };
  const request = new Request(`http://host/?call=${name}`, { method: "POST", headers, body: JSON.stringify(act) });
  return (await dashboard.fetch(request)).status;
};
const json = { "content-type": "application/json" };

test.each([
  [403, { ...json, "sec-fetch-site": "cross-site", origin: "http://evil" }],
  [403, { ...json, "sec-fetch-site": "same-site" }],
  [403, { ...json, "sec-fetch-site": "none" }],
  [403, { ...json, origin: "http://evil" }],
  [403, { ...json, origin: "null" }],
  [403, json],
  [415, { "content-type": "text/plain", "sec-fetch-site": "same-origin" }],
  [415, { "sec-fetch-site": "same-origin" }],
  [200, { ...json, "sec-fetch-site": "same-origin" }],
  [200, { ...json, origin: "http://host", host: "host" }],
  [200, { ...json, origin: "https://jobs.example", host: "10.0.0.7", "x-forwarded-host": "jobs.example" }],
  [200, { ...json, origin: "https://jobs.example", "x-forwarded-host": "jobs.example, proxy.internal" }],
  [403, { ...json, origin: "null", host: "", "x-forwarded-host": "" }],
  [403, { ...json, "sec-fetch-site": "same-origin, cross-site" }],
  [403, { ...json, origin: "http://host, http://evil" }],
  [415, { "content-type": "text/plain, application/json", "sec-fetch-site": "same-origin" }],
])("an action gets the status %i with the headers %j", async (expected, headers) => {
  expect(await status(headers)).toBe(expected);
});

test("a read needs no header of a browser, and is refused to other sites", async () => {
  expect(await status(json, "jobs")).toBe(200);
  expect(await status({ ...json, "sec-fetch-site": "cross-site" }, "jobs")).toBe(403);
});

test("a token is required in the Authorization header, and nowhere else", async () => {
  const browser = { ...json, "sec-fetch-site": "same-origin" };
  expect(await status({ ...browser, authorization: "Bearer abc" }, "jobs", "abc")).toBe(200);
  expect(await status(browser, "jobs", "abc")).toBe(401);
  expect(await status({ ...browser, authorization: "Bearer abcd" }, "open", "abc")).toBe(401);
  expect(await status({ ...browser, authorization: "Bearer " }, "open", "abc")).toBe(401);
  expect(await status(browser, "jobs&token=abc", "abc")).toBe(401);
});

test("a body that is too large or no object is refused", async () => {
  const { dashboard } = openDashboard();
  const large = JSON.stringify({ store: "reports", id: "x".repeat(1_100_000) });
  expect((await dashboard.fetch(requestOf("job", large))).status).toBe(413);
  for (const body of ["[]", "1", "{", ""]) expect((await dashboard.fetch(requestOf("open", body))).status).toBe(400);
});

test("a body that is no UTF-8 is refused", async () => {
  const { dashboard } = openDashboard();
  const fetchBody = (body: Uint8Array<ArrayBuffer>) =>
    dashboard.fetch(new Request(requestOf("counts", ""), { body, method: "POST" }));
  const body = (label: readonly number[]) =>
    Uint8Array.from([...Buffer.from('{"store":"reports","where":{"label":"a'), ...label, 0x22, 0x7d, 0x7d]);
  expect((await fetchBody(body([]))).status).toBe(200);
  for (const wrong of [[0xff], [0xc0, 0xaf], [0xe2, 0x82], [0xed, 0xa0, 0x80]]) {
    expect((await fetchBody(body(wrong))).status).toBe(400);
  }
  expect((await fetchBody(Uint8Array.from([0x7b, 0xe2]))).status).toBe(400);
});

test("a body that does not end is refused after 30 seconds, also if it has no end", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { dashboard } = openDashboard();
  const cancelled = vi.fn();
  let timer: NodeJS.Timeout | undefined;
  const body = new ReadableStream({
    start: (controller) => {
      timer = setInterval(() => controller.enqueue(Buffer.from(" ")), 1000);
    },
    cancel: () => {
      clearInterval(timer);
      cancelled();
    },
  });
  const reply = dashboard.fetch(new Request(requestOf("open", ""), { method: "POST", body, duplex: "half" }));
  await vi.advanceTimersByTimeAsync(29_000);
  expect(cancelled).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await reply).status).toBe(408);
  expect(cancelled).toHaveBeenCalled();
});

test("a call without a name, or with an unknown one, is refused", async () => {
  const { dashboard } = openDashboard();
  for (const name of ["", "other", "__proto__", "toString", "x".repeat(100_000), "%ff%00", "%"]) {
    expect((await dashboard.fetch(requestOf(name, { store: "reports" }))).status).toBe(404);
  }
  const init = { method: "POST", headers: json, body: '{"store":"reports"}' };
  expect((await dashboard.fetch(new Request("http://host/", init))).status).toBe(404);
  expect((await dashboard.fetch(new Request("http://host/?call=jobs&call=act", init))).status).toBe(200);
});

test("a reply to HEAD has the headers of the reply to GET, and no body", async () => {
  const { dashboard } = openDashboard();
  for (const url of ["http://host/", "http://host/?asset=page.js", "http://host/?asset=none"]) {
    const [get, head] = [
      await dashboard.fetch(new Request(url)),
      await dashboard.fetch(new Request(url, { method: "HEAD" })),
    ];
    expect(head.status).toBe(get.status);
    expect([...head.headers]).toEqual([...get.headers]);
    expect(head.body).toBeNull();
  }
});

test("conditional requests and requests for a range get the whole reply", async () => {
  const { dashboard } = openDashboard();
  const headers = {
    "if-none-match": "*",
    "if-modified-since": new Date(Date.now() + 1e9).toUTCString(),
    range: "bytes=0-9",
  };
  const reply = await dashboard.fetch(new Request("http://host/", { headers }));
  expect(reply.status).toBe(200);
  expect(await reply.text()).toContain("</html>");
});

test("every reply has strict headers", async () => {
  const { dashboard } = openDashboard();
  const replies = [
    await dashboard.fetch(new Request("http://host/")),
    await dashboard.fetch(requestOf("jobs", { store: "reports" })),
    await dashboard.fetch(requestOf("jobs", { store: "none" })),
    await dashboard.fetch(new Request("http://host/", { method: "PUT" })),
  ];
  for (const { headers } of replies) {
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
  }
  expect(replies.at(-1)?.status).toBe(405);
});

test("the document has no inline code, and its files are stored by browsers permanently", async () => {
  const { dashboard } = openDashboard({ title: "<b>Jobs</b>" });
  const document = await (await dashboard.fetch(new Request("http://host/a/b"))).text();
  expect(document).toContain("<title>&#60;b&#62;Jobs");
  expect(document).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]* src=)/);
  const names = [...document.matchAll(/\?asset=([\w.-]+)/g)].map(([, name]) => name);
  expect(names).toHaveLength(2);
  for (const name of names) {
    const reply = await dashboard.fetch(new Request(`http://host/a/b?asset=${name}`));
    expect(reply.headers.get("cache-control")).toContain("immutable");
    expect((await reply.text()).length).toBeGreaterThan(0);
  }
  const old = await dashboard.fetch(new Request("http://host/?asset=page.OtherVersion.js"));
  expect(old.headers.get("cache-control")).toBe("no-store");
  expect((await dashboard.fetch(new Request("http://host/?asset=other"))).status).toBe(404);
  expect(await (await dashboard.fetch(new Request("http://host/", { method: "HEAD" }))).text()).toBe("");
});

test("an error of the application is not shown", async () => {
  const { client } = openDashboard({
    by: () => {
      throw new Error("redis://user:tiger@host");
    },
  });
  const failed = await client.failure("act", { requestId: newRequestId(), act: { name: "resume", queue: "q" } });
  expect(failed).toMatchObject({ status: 500, code: "INTERNAL" });
  expect(failed.message).not.toContain("tiger");
});

test("the store's unavailability is an error with its code", async () => {
  const driver = memoryDriver();
  const { client } = openDashboard({ driver });
  driver.faults.goAway();
  expect(await client.failure("jobs", {})).toMatchObject({ status: 503, code: "UNAVAILABLE" });
  driver.faults.comeBack();
  expect(await client.call("jobs", {})).toMatchObject({ items: [] });
});

test.each([
  "No connection to Redis: connect ECONNREFUSED 10.9.8.7:6379; the server may use TLS: try rediss://.",
  "No connection to Redis: connect ECONNREFUSED 2001:db8::9:6379.",
  "No connection to Redis: connect EHOSTUNREACH 10.9.8.7:6379 - Local (10.9.8.6:0).",
  "No connection to Redis: getaddrinfo ENOTFOUND tiger.internal.",
  "No connection to Redis: connect ENOENT /run/tiger.sock.",
  "Redis redirects (MOVED 3999 10.9.8.7:6381)",
  "Redis redirects (MOVED 3999 tiger.internal:6381)",
  "redis://ann:tiger@[2001:db8::9]:6379/0 is wrong",
  "redis://ann:ti/ger@ti@host is wrong",
  "Hostname/IP does not match certificate's altnames: Host: tiger.internal. is not in the list",
])("no reply has the address or the password in the error %j", async (message) => {
  const error = new JobStoreError("UNAVAILABLE", message, { indeterminate: false });
  const { store, dashboard, client, actions } = openDashboard();
  vi.spyOn(store, "counts").mockRejectedValue(error);
  vi.spyOn(store, "pauseQueue").mockRejectedValue(error);
  vi.spyOn(store, "workers").mockRejectedValue(error);
  const health = await store.health();
  vi.spyOn(store, "health").mockResolvedValue({ ...health, error: message });
  const act = { requestId: newRequestId(), act: { name: "pause", queue: "q" } };
  const broken = createDashboard({
    stores: { reports: { driver: { ...memoryDriver(), readMetadata: () => Promise.reject(error) } } },
    may: () => true,
  });
  onTestFinished(() => broken.close());
  const replies = [
    await dashboard.fetch(requestOf("counts", { store: "reports", where: {} })),
    await dashboard.fetch(requestOf("overview", { store: "reports" })),
    await dashboard.fetch(requestOf("act", { store: "reports", ...act })),
    await broken.fetch(requestOf("open", {})),
  ];
  vi.mocked(store.counts).mockRestore();
  vi.mocked(store.workers).mockRestore();
  const texts = await Promise.all(replies.map((reply) => reply.text()));
  texts.push(
    JSON.stringify((await client.call("overview", {})).health),
    JSON.stringify(actions.map(({ outcomes }) => outcomes)),
  );
  for (const text of texts) {
    expect(text).not.toMatch(/tiger|ger@|ann|10\.9|2001:db8|:6379/);
    expect(text).toMatch(/Redis|redis|Hostname/);
  }
});
