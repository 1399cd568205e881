import { expect, test } from "vitest";
import { z } from "zod";
import { read, startRig } from "./rig.js";

const openapi = z.object({
  openapi: z.string(),
  paths: z.record(z.string(), z.unknown()),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

test("the OpenAPI 3.1 document has every route, and a page shows it", async () => {
  const { get } = await startRig();
  const document = await read(openapi, get("/api/v1/openapi.json"));
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(Object.keys(document.paths).sort()).toEqual([
    "/api/v1/counts",
    "/api/v1/events",
    "/api/v1/jobs",
    "/api/v1/jobs/{id}",
    "/api/v1/jobs/{id}/cancel",
    "/api/v1/jobs/{id}/cues",
    "/api/v1/jobs/{id}/file",
    "/api/v1/jobs/{id}/retry",
    "/api/v1/providers",
    "/api/v1/queues",
    "/api/v1/queues/{stage}/dead-letters",
    "/api/v1/queues/{stage}/redrive",
    "/api/v1/translations",
    "/livez",
    "/readyz",
    "/session",
  ]);
  expect(document.components.schemas).toHaveProperty("Job");
  const page = await get("/docs/");
  expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
  expect(await page.text()).not.toMatch(/(src|href)="(https?:)?\/\//);
});

/** Returns every `$ref` of the document. */
function refsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [String(inner)] : refsIn(inner)));
}

/** Follows a reference within the document, as RFC 6901 describes it. Returns undefined if it leads nowhere. */
function resolve(document: unknown, ref: string): unknown {
  const keys = ref.slice(2).split("/");
  return keys.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key.replaceAll("~1", "/").replaceAll("~0", "~")],
    document,
  );
}

test("every reference in the document leads to a schema", async () => {
  const { get } = await startRig();
  const document = await (await get("/api/v1/openapi.json")).json();
  const refs = refsIn(document);
  expect(refs.length).toBeGreaterThan(10);
  expect(refs.filter((ref) => !ref.startsWith("#/") || resolve(document, ref) === undefined)).toEqual([]);
});

test("the document lists the credentials and the errors of each call", async () => {
  const { get } = await startRig();
  const document = await read(
    z.object({
      servers: z.array(z.object({ url: z.string() })).min(1),
      paths: z.record(
        z.string(),
        z.record(z.string(), z.looseObject({ security: z.array(z.json()), responses: z.json() })),
      ),
      components: z.object({
        securitySchemes: z.looseObject({ token: z.looseObject({ scheme: z.literal("bearer") }) }),
      }),
    }),
    get("/api/v1/openapi.json"),
  );
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { security, responses }] of Object.entries(operations)) {
      const name = `${method} ${path}`;
      if (path.startsWith("/api/")) {
        expect([name, security]).toEqual([name, [{ token: [] }, { session: [] }, {}]]);
        expect([name, responses]).toEqual([
          name,
          expect.objectContaining({ 401: expect.anything(), 429: expect.anything() }),
        ]);
      } else expect([name, security]).toEqual([name, []]);
    }
  }
});
