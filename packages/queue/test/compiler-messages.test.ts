import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../../test/compile.js";

/** Program that defines a queue with this payload. */
const defined = (payload: string) => `
  import { defineQueue } from "../src/index.js";
  import { z } from "zod";
  defineQueue({ name: "q", payload: ${payload} });
`;

const programs = {
  json: defined("z.json()"),
  jsonInside: defined("z.object({ film: z.string(), extra: z.json().optional() })"),
  date: defined("z.object({ at: z.date() })"),
  map: defined("z.map(z.string(), z.string())"),
  unknown: defined("z.record(z.string(), z.unknown())"),
  loose: defined("z.looseObject({ film: z.string() })"),
  transform: defined("z.object({ n: z.string().transform(Number) })"),
};

const notJson = `"its output must be JSON: no Date, Map, function or unknown (z.json() instead)"`;

describe("the compiler's message about a queue definition", () => {
  let messages: Readonly<Record<keyof typeof programs, string>>;
  beforeAll(() => {
    messages = compile(new URL(".", import.meta.url), programs);
  }, 120_000);

  test.each(["json", "jsonInside"] as const)("is absent if the program is correct: %s", (name) => {
    expect(messages[name]).toBe("");
  });

  test.each(["date", "map", "unknown", "loose"] as const)("names the reason if the output is not JSON: %s", (name) => {
    expect(messages[name]).toContain(`NotStorable<${notJson}>`);
  });

  test("names the reason if the payload's output is not a valid input", () => {
    const reason = `"its output must be a valid input of the same schema: no one-way transform"`;
    expect(messages.transform).toContain(`NotStorable<${reason}>`);
  });
});
