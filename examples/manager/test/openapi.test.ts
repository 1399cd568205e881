import { expect, test } from "vitest";
import { z } from "zod";
import { read, startRig } from "./rig.js";

const openapi = z.object({
  openapi: z.string(),
  paths: z.record(z.string(), z.unknown()),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

test("the API describes itself as OpenAPI 3.1, with every route, and has a page to read it", async () => {
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
