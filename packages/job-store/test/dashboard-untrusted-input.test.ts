// Values that no page sends, in each argument of each call. The store or the handler refuses them, or treats them as texts.

import { expect, test } from "vitest";
import { openDashboard, requestOf } from "./dashboard-client.js";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const base64url = (value: Json) => Buffer.from(JSON.stringify(value)).toString("base64url");

const HOSTILE: readonly Json[] = [
  ...["", "\ud800", "a\u0000b", "../..", "%ff", "%E0%A4%A", "x".repeat(20_000), "__proto__", "constructor"],
  ...[0, -1, 1.5, 1e9, 1e308, null, true, [], {}, [null], [{}], ["\ud800"], { other: 1 }],
  ...["9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "2200-01-01T00:00:00Z", "2026-13-45T00:00:00Z"],
  ...["1-1", "0-1", "9-9-9", "18446744073709551615-18446744073709551615", "[".repeat(200_000) + "]".repeat(200_000)],
  ...[base64url({}), base64url(null), base64url({ jobs: [], after: "other", left: 5 })],
  base64url({ jobs: [{ id: "../", version: 1, createdAt: "other" }], after: "other", left: 5 }),
];

const TIME = "2026-01-01T00:00:00Z";
const JOBS = { jobs: [{ id: "a", version: 1, createdAt: TIME }] };
const FILTER = { filter: { status: "failed", where: { label: "x" } }, shownAt: TIME, confirmed: 5, cursor: "x" };
const MESSAGE = { queue: "q", payload: "1" };

const CALLS: readonly (readonly [name: string, body: Json])[] = [
  [
    "jobs",
    { status: "failed", where: { label: "x" }, after: TIME, before: TIME, order: "newest", cursor: "x", limit: 5 },
  ],
  ["job", { id: "a" }],
  ["counts", { where: { label: "x" } }],
  ["outbox", { kind: "waiting", cursor: "x" }],
  ["letters", { queue: "reports" }],
  ["value", { id: "a", part: "data" }],
  ["jobs", { store: "reports" }],
  ...[
    { name: "move", chosen: JOBS, to: "failed", message: MESSAGE, note: "n" },
    { name: "delete", chosen: FILTER },
    { name: "copy", id: "a", message: MESSAGE },
    { name: "requeue", entryIds: ["1-1"] },
    { name: "run-now", entryIds: ["1-1"] },
    { name: "reschedule", entryIds: ["0-1"], at: TIME },
    { name: "pause", queue: "q", until: TIME, reason: "r" },
    { name: "resume", queue: "q" },
    { name: "redrive", queue: "reports", ids: ["one"] },
  ].map((act) => ["act", { act }] as const),
  ["act", { requestId: "request-0", act: { name: "resume", queue: "q" } }],
];

/** Returns the value with each of its parts replaced in turn by each untrusted value. */
function* variantsOf(value: Json): Generator<Json> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    for (const other of [...HOSTILE, ...variantsOf(part)]) {
      yield Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other };
    }
  }
}

test.each(CALLS)("the call %s has a clear reply to each untrusted value in %j", async (name, body) => {
  const { store, dashboard } = openDashboard();
  let requests = 0;
  for (const variant of variantsOf(body)) {
    await store.create({ title: "One" }, { id: "a" });
    const requestId = name === "act" ? { requestId: `request-${requests++}` } : {};
    const reply = await dashboard.fetch(
      requestOf(name, { store: "reports", ...requestId, ...(variant as Record<string, Json>) }),
    );
    const text = await reply.text();
    expect(reply.status, `${JSON.stringify(variant).slice(0, 300)} ${text}`).toBeLessThan(500);
    expect(text).not.toContain('"outcome":"unknown"');
  }
});
