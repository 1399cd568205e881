import { describe, expect, test } from "vitest";
import { type Call, isExplained, type Part } from "./linearize.js";
import type { ModelJob } from "./model-job.js";

const job = (version: number, status: ModelJob["status"] = "working"): ModelJob => {
  return { id: "a", version, status, attempt: 1, done: null, url: null, label: null, history: [] };
};
/** Writes a version over the one before; reads a version, 0 for none. */
const writes =
  (version: number, status?: ModelJob["status"]): Part =>
  (jobs) =>
    (jobs.get("a")?.version ?? 0) === version - 1
      ? [{ jobs: new Map([["a", job(version, status)]]), message: `a.${version}` }]
      : [];
const reads =
  (version: number): Part =>
  (jobs) =>
    (jobs.get("a")?.version ?? 0) === version ? [{ jobs }] : [];
const call = (begun: number, ended: number, ...parts: Part[]): Call => ({ begun, ended, parts, text: "" });
const explained = (messages: string[], ...clients: Call[][]) =>
  isExplained(clients, { messages, expiring: new Set(["done"]) });

describe("an order is found", () => {
  test("where calls overlap, whichever came first", () => {
    expect(explained(["a.2", "a.1"], [call(0, 9, writes(2))], [call(1, 8, writes(1)), call(10, 11, reads(2))])).toBe(
      true,
    );
  });
  test("where a read sees the state before or after what overlaps it", () => {
    for (const version of [0, 1])
      expect(explained(["a.1"], [call(0, 9, writes(1))], [call(1, 2, reads(version))])).toBe(true);
  });
  test("where the parts of one call see different moments", () => {
    const writer = [call(1, 2, writes(1)), call(3, 4, writes(2))];
    expect(explained(["a.1", "a.2"], [call(0, 9, reads(0), reads(2))], writer)).toBe(true);
  });
  test("where a job expires in between", () => {
    expect(explained(["a.1"], [call(0, 1, writes(1, "done")), call(2, 3, reads(0))])).toBe(true);
  });
  test("where only the messages tell whether a call happened whose job is gone again", () => {
    const perhaps: Part = (jobs) => [{ jobs }, ...writes(1, "done")(jobs)];
    for (const messages of [[], ["a.1"]]) {
      expect(explained(messages, [call(0, 1, perhaps), call(2, 3, reads(0))])).toBe(true);
    }
  });
});

describe("no order is found", () => {
  test("where a write is not seen by what began after it", () => {
    expect(explained(["a.1"], [call(0, 1, writes(1))], [call(2, 3, reads(0))])).toBe(false);
  });
  test("where two made the same change", () => {
    expect(explained(["a.1", "a.1"], [call(0, 9, writes(1))], [call(0, 9, writes(1))])).toBe(false);
  });
  test("where time went backwards for a reader", () => {
    expect(explained(["a.1"], [call(0, 9, writes(1))], [call(1, 2, reads(1)), call(3, 4, reads(0))])).toBe(false);
  });
  test("where a job vanishes that does not expire", () => {
    expect(explained(["a.1"], [call(0, 1, writes(1)), call(2, 3, reads(0))])).toBe(false);
  });
  test("where a message is missing, or there twice, or not of these calls", () => {
    for (const messages of [[], ["a.1", "a.1"], ["a.1", "b.1"]]) {
      expect(explained(messages, [call(0, 1, writes(1))])).toBe(false);
    }
  });
});
