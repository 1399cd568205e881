import { request } from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { film, startRig } from "./rig.js";

const TOKEN = "a-t0ken-that-no-answer-shows";

const odd = fc.constantFrom(
  ...["__proto__", "constructor", "..", "%2e%2e%2f", "%00", "%", "job:*", "'\"<script>", "x".repeat(5_000), "{}", "[]"],
  ...["-1", "1e309", "NaN", "null", "2026-13-45", "\u0000", "\r\nset-cookie: a=b", "💥"],
);
const value = fc.oneof(odd, fc.string({ unit: "binary", maxLength: 30 }), fc.jsonValue());
const path = fc.oneof(
  fc.constantFrom("/api/v1/jobs", "/api/v1/counts", "/api/v1/queues", "/api/v1/translations", "/session", "/metrics"),
  odd.map((id) => `/api/v1/jobs/${encodeURIComponent(id)}`),
  odd.map((id) => `/api/v1/jobs/${encodeURIComponent(id)}/file`),
  odd.map((name) => `/page/${encodeURIComponent(name)}`),
  fc.constantFrom("/page/../../etc/passwd", "/vendor/%2e%2e/%2e%2e/package.json", "//", "/%", "/api/v1/jobs/%ff"),
);
const query = fc.dictionary(fc.constantFrom("status", "limit", "cursor", "q", "language", "__proto__", "order"), odd);
const body = fc.oneof(
  fc
    .record({
      videoUrl: fc.oneof(fc.constant(film.videoUrl), value),
      videoTitle: fc.oneof(fc.constant(film.videoTitle), value),
      language: fc.oneof(fc.constant(film.language), value),
      preferredSources: value,
    })
    .map((order) => JSON.stringify(order)),
  fc.json(),
  fc.constantFrom('{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"admin":true}}}', "[".repeat(50_000)),
  fc.string({ unit: "binary", maxLength: 200 }),
);
const call = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"),
  path: fc.tuple(path, query).map(([at, asked]) => `${at}?${new URLSearchParams(asked)}`),
  body,
  type: fc.constantFrom("application/json", "text/plain", "application/xml", "multipart/form-data", "x"),
  known: fc.boolean(),
});

test("any request gets an answer in a short time, without a server error and without a secret", async () => {
  const { manager, store } = await startRig({ token: TOKEN, requestsPerMinute: 100_000 });
  const { port } = new URL(manager.url);

  /** Sends the path unchanged. `fetch` would normalize it. */
  const send = ({ method, path: at, body: text, type, known }: typeof call extends fc.Arbitrary<infer T> ? T : never) =>
    new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
      const headers = { "content-type": type, ...(known && { authorization: `Bearer ${TOKEN}` }) };
      const asking = request({ host: "127.0.0.1", port, method, path: at, headers, timeout: 60_000 }, (reply) => {
        reply.setEncoding("utf8");
        let answered = "";
        reply.on("data", (part: string) => {
          answered += part;
        });
        reply.on("end", () => resolve({ status: reply.statusCode ?? 0, text: answered }));
      });
      asking.on("error", reject).on("timeout", () => asking.destroy(new Error("no answer")));
      asking.end(method === "GET" || method === "HEAD" ? undefined : text);
    });

  await fc.assert(
    fc.asyncProperty(call, async (one) => {
      const { status, text } = await send(one);
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(500);
      expect(text).not.toContain(TOKEN);
      expect(text).not.toMatch(/\bat .+\.[jt]s:\d+|node_modules/);
    }),
    { numRuns: 400 },
  );
  expect(Object.prototype).not.toHaveProperty("admin");
  expect((await fetch(`${manager.url}/livez`)).status).toBe(200);
  for await (const job of store.scan()) expect(job.id).toMatch(/^[\w.-]{1,128}$/);
});
