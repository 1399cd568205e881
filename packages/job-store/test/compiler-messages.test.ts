import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../../test/compile.js";

const imports = `
  import { createJobStore, createReporter, defineJob, type Job } from "../src/index.js";
  import { memoryDriver } from "../src/memory.js";
  import { z } from "zod";
`;

const withStore = `
  ${imports}
  const video = defineJob({
    name: "video",
    data: z.object({ url: z.string() }),
    initial: "queued",
    statuses: { queued: { next: ["done"] }, done: { next: [], final: true } },
  });
  const store = createJobStore({ job: video, driver: memoryDriver() });
`;

/** Returns the source text of a definition with these schemas. */
const defined = (schemas: string) =>
  `${imports} defineJob({ name: "x", ${schemas}, initial: "a", statuses: { a: { next: [] } } });`;

const programs = {
  updateStatus: `${withStore} void store.updateStatus("v1", "nope");`,
  list: `${withStore} void store.list({ status: "nope" });`,
  listOfSeveral: `${withStore} void store.list({ status: ["done", "nope"] });`,
  scan: `${withStore} void store.scan({ status: "nope" });`,
  waitFor: `${withStore} void store.waitFor("v1", { until: ["nope"] });`,
  report: `${withStore} void createReporter(store).report("v1", "nope");`,
  ttlSeconds: `${withStore} createJobStore({ job: video, driver: memoryDriver(), ttlSeconds: { nope: 1 } });`,
  snapshot: `${withStore} declare const job: Job<typeof video, "queued">; void store.updateStatus(job, "queued");`,
  right: `${withStore}
    void store.updateStatus("v1", "done");
    void store.list({ status: ["done", "queued"] });
    void store.waitFor("v1", { until: ["done"] });
  `,
  date: defined("data: z.object({ at: z.date() })"),
  map: defined("data: z.map(z.string(), z.string())"),
  unknown: defined("data: z.record(z.string(), z.unknown())"),
  loose: defined("data: z.looseObject({ url: z.string() })"),
  transform: defined("data: z.object({ n: z.string().transform(Number) })"),
  resultDate: defined("data: z.string(), result: z.date()"),
  progressTransform: defined("data: z.string(), progress: z.string().transform(Number)"),
  json: defined("data: z.json(), result: z.object({ extra: z.json() }), progress: z.any()"),
};

const NOT_JSON = '"its output must be JSON: no Date, Map, function or unknown (z.json() instead)"';
const ONE_WAY = '"its output must be a valid input of the same schema: no one-way transform"';

describe("the compiler's message", () => {
  let messages: Readonly<Record<keyof typeof programs, string>>;
  beforeAll(() => {
    messages = compile(new URL(".", import.meta.url), programs);
  }, 120_000);

  test.each(["updateStatus", "list", "listOfSeveral", "scan", "waitFor", "report"] as const)(
    "lists the statuses if %s names an unknown one",
    (call) => {
      expect(messages[call]).toMatch(/'"nope"' is not assignable to .*("queued" \| "done"|"done" \| "queued")/);
      expect(messages[call]).not.toContain("StatusOf");
    },
  );
  test("names an unknown status in ttlSeconds", () => {
    expect(messages.ttlSeconds).toContain("'nope' does not exist in type");
  });
  test("lists the allowed statuses for a snapshot if the status is not among them", () => {
    expect(messages.snapshot).toContain(`'"queued"' is not assignable to parameter of type '"done"'`);
  });
  test.each(["date", "map", "unknown", "loose", "resultDate"] as const)(
    "names the reason if the output is not JSON: %s",
    (program) => {
      expect(messages[program]).toContain(`NotStorable<${NOT_JSON}>`);
    },
  );
  test.each(["transform", "progressTransform"] as const)("names the reason for a one-way schema: %s", (program) => {
    expect(messages[program]).toContain(`NotStorable<${ONE_WAY}>`);
  });
  test.each(["right", "json"] as const)("is empty if the program is correct: %s", (program) => {
    expect(messages[program]).toBe("");
  });
});
