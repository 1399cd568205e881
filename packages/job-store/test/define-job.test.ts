import { describe, expect, test } from "vitest";
import * as z from "zod";
import { createJobStore, defineJob, JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

const good = {
  name: "parcel",
  data: z.object({ to: z.string() }),
  initial: "packed",
  statuses: { packed: { next: ["sent"] }, sent: { next: [], final: true, ttlSeconds: 60 } },
} as const;

/** `defineJob` without its types, as callers in JavaScript can use it. */
const define = (change: object) => defineJob({ ...good, ...change } as never);

function refusal(change: object): string {
  try {
    define(change);
  } catch (error) {
    if (JobStoreError.is(error, "INVALID_ARGUMENT")) return error.message;
    throw error;
  }
  return expect.fail("the definition was accepted");
}

describe("defineJob", () => {
  test("returns the definition unchanged and frozen", () => {
    const definition = defineJob(good);
    expect(definition).toMatchObject({ name: "parcel", initial: "packed", statuses: good.statuses });
    expect(definition.data).toBe(good.data);
    expect(Object.isFrozen(definition)).toBe(true);
  });

  test("rejects a misspelt key of a rule, for example of the TTL", () => {
    expect(refusal({ statuses: { ...good.statuses, sent: { next: [], ttl: 3 } } })).toMatch(/"ttl".*ttlSeconds/);
  });

  test("contains the functions of its index, and an empty index by default", () => {
    const to = (data: { to: string }) => data.to;
    expect(defineJob({ ...good, index: { to } }).index.to).toBe(to);
    expect(defineJob(good).index).toEqual({});
    expect(defineJob({ ...good, index: undefined }).index).toEqual({});
  });

  test("without schemas for result and progress, they are always null", async () => {
    const store = createJobStore({ job: defineJob(good), driver: memoryDriver() });
    const { job } = await store.create({ to: "Ada" });
    await store.updateProgress(job.id, null);
    expect(await store.updateStatus(job.id, "sent", { result: null })).toMatchObject({ progress: null, result: null });
    for (const change of [{ result: "a receipt" }, { progress: 7 }] as object[]) {
      await expect(store.updateStatus(job.id, "sent", change)).rejects.toMatchObject({ code: "INVALID_DATA" });
    }
  });

  test("each status in `next` must exist, and the error names the unknown one", () => {
    const message = refusal({ statuses: { packed: { next: ["sent", "losst"] }, sent: { next: [] } } });
    expect(message).toContain('"parcel"');
    expect(message).toContain('"packed"');
    expect(message).toContain('"losst"');
  });

  test("the initial status must exist", () => {
    expect(refusal({ initial: "lost" })).toContain('"lost"');
    expect(refusal({ initial: "toString" })).toContain('"toString"');
    expect(refusal({ initial: undefined })).toContain("initial");
  });

  const odd: readonly (readonly [string, object])[] = [
    ["no name", { name: undefined }],
    ["an empty name", { name: "" }],
    ["a name of 129 characters", { name: "x".repeat(129) }],
    ["no statuses", { statuses: undefined }],
    ["statuses that are none", { statuses: null }],
    ["an empty table of statuses", { statuses: {} }],
    ["a status without a name", { initial: "", statuses: { "": { next: [] } } }],
    ["a status of 129 characters", { statuses: { packed: { next: [] }, ["x".repeat(129)]: { next: [] } } }],
    ["a rule without `next`", { statuses: { packed: {} } }],
    ["a rule that is none", { statuses: { packed: null } }],
    ["a `next` that is no list", { statuses: { packed: { next: "packed" } } }],
    ["a TTL below zero", { statuses: { packed: { next: [], ttlSeconds: -1 } } }],
    ["a TTL that is no number", { statuses: { packed: { next: [], ttlSeconds: "60" } } }],
    ["a TTL of NaN", { statuses: { packed: { next: [], ttlSeconds: Number.NaN } } }],
    ["a TTL of forever", { statuses: { packed: { next: [], ttlSeconds: Number.POSITIVE_INFINITY } } }],
    ["a count below one", { statuses: { packed: { next: [], maxCount: 0 } } }],
    ["a count that is not whole", { statuses: { packed: { next: [], maxCount: 1.5 } } }],
    ["a count that is no number", { statuses: { packed: { next: [], maxCount: "10" } } }],
    ["a count of forever", { statuses: { packed: { next: [], maxCount: Number.POSITIVE_INFINITY } } }],
    ["an index that is none", { index: null }],
    ["an indexed field without a name", { index: { "": () => "x" } }],
    ["an indexed field whose name has a space", { index: { "a b": () => "x" } }],
    ["an indexed field whose name has 65 characters", { index: { ["x".repeat(65)]: () => "x" } }],
    ["an indexed field that is no function", { index: { to: "to" } }],
    ["17 indexed fields", { index: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, () => "x"])) }],
  ];
  for (const [what, change] of odd) {
    test(`${what} is INVALID_ARGUMENT`, () => {
      expect(refusal(change)).not.toBe("");
    });
  }

  const timed = (rule: object, target: object = {}) => ({
    index: { to: ({ to }: { to: string }) => to },
    statuses: {
      packed: { next: ["packed", "sent", "lost"], ...rule },
      sent: { next: [], final: true },
      lost: { next: ["sent"], ...target },
    },
  });
  const wrongRules: readonly (readonly [string, object, RegExp])[] = [
    [
      "a time limit of 0",
      timed({ timeoutSeconds: 0, timeoutTo: "sent" }),
      /`timeoutSeconds` of status "packed" must be a whole/,
    ],
    [
      "a time limit that is not whole",
      timed({ timeoutSeconds: 1.5, timeoutTo: "sent" }),
      /must be an integer of seconds from 1/,
    ],
    ["a time limit that is no number", timed({ timeoutSeconds: "60", timeoutTo: "sent" }), /must be a whole/],
    [
      "a time limit of forever",
      timed({ timeoutSeconds: Number.POSITIVE_INFINITY, timeoutTo: "sent" }),
      /must be a whole/,
    ],
    [
      "a time limit of more than 100 years",
      timed({ timeoutSeconds: 3_162_240_001, timeoutTo: "sent" }),
      /must be a whole/,
    ],
    [
      "a time limit of a final status",
      timed({ timeoutSeconds: 1, timeoutTo: "sent", final: true }),
      /"packed" is final/,
    ],
    ["a time limit without a target", timed({ timeoutSeconds: 1 }), /needs `timeoutTo`.*"failed"/],
    [
      "an unknown target",
      timed({ timeoutSeconds: 1, timeoutTo: "losst" }),
      /`timeoutTo` of status "packed" must be one of its `next`/,
    ],
    ["the status as its own target", timed({ timeoutSeconds: 1, timeoutTo: "packed" }), /other than the status itself/],
    [
      "a target that is not next",
      timed({}, { timeoutSeconds: 1, timeoutTo: "packed" }),
      /`timeoutTo` of status "lost"/,
    ],
    [
      "a target that is not final and sends nothing",
      timed({ timeoutSeconds: 1, timeoutTo: "lost" }),
      /"lost" needs `sends`/,
    ],
    [
      "a target with an empty `sends`",
      timed({ timeoutSeconds: 1, timeoutTo: "lost" }, { sends: [] }),
      /"lost" needs `sends`/,
    ],
    ["`sends` that is no list", timed({ sends: {} }), /`sends` of status "packed" must be an array/],
    ["a message that is none", timed({ sends: ["q"] }), /`sends\[0\]` of status "packed" must be an object/],
    ["a message without a queue", timed({ sends: [{}] }), /`queue` in `sends\[0\]` of status "packed" must be/],
    ["a queue without a name", timed({ sends: [{ queue: "" }] }), /1 to 255 characters/],
    ["a queue of 256 characters", timed({ sends: [{ queue: "q".repeat(256) }] }), /1 to 255 characters/],
    ["a misspelt key of a message", timed({ sends: [{ queue: "q", iffield: "to" }] }), /"iffield".*ifField/],
    [
      "a field that is not in the index",
      timed({ sends: [{ queue: "q" }, { queue: "q", ifField: "from" }] }),
      /`ifField` in `sends\[1\]`/,
    ],
    ["a field of every object", timed({ sends: [{ queue: "q", ifField: "toString" }] }), /`ifField`/],
  ];
  test.each(wrongRules)("%s is INVALID_ARGUMENT, and the message names the rule", (_, change, message) => {
    expect(refusal(change)).toMatch(message);
  });

  test("a time limit and messages are accepted, also if they are undefined", () => {
    const accepted = [
      timed({ timeoutSeconds: 1, timeoutTo: "sent", sends: [{ queue: "q".repeat(255), ifField: "to" }] }),
      timed({ timeoutSeconds: 3_162_240_000, timeoutTo: "lost" }, { sends: [{ queue: "q" }] }),
      timed({ timeoutSeconds: undefined, timeoutTo: undefined, sends: undefined }),
      timed({ sends: [] }, { sends: [{ queue: "q", ifField: undefined }] }),
      { statuses: { packed: { next: ["failed"], timeoutSeconds: 1 }, failed: { next: [], final: true } } },
    ];
    for (const change of accepted) expect(() => define(change)).not.toThrow();
  });

  /** Schema of zod 3, which has `parse` and `_def`, but no member of zod 4. */
  const zod3 = { _def: { typeName: "ZodObject" }, parse: (value: unknown) => value };
  for (const [what, schema] of Object.entries({ "zod 3": zod3, "no schema": {}, text: "x", null: null })) {
    for (const field of ["data", "result", "progress"]) {
      test(`${field} must be a zod 4 schema, not ${what}`, () => {
        expect(refusal({ [field]: schema })).toContain(`\`${field}\` must be a zod 4 schema`);
      });
    }
  }
  test("data is required", () => {
    expect(refusal({ data: undefined })).toContain("`data` must be a zod 4 schema");
  });

  test("an unknown key is an error that names it and lists the keys that exist", () => {
    expect(refusal({ progres: z.number() })).toMatch(/"progres".*progress/);
    expect(refusal({ indexes: {} })).toMatch(/"indexes".*index/);
  });
  test.each([undefined, null, "parcel", []])("a definition must be an object, not %j", (definition) => {
    expect(() => defineJob(definition as never)).toThrow(
      expect.objectContaining({ name: "JobStoreError", code: "INVALID_ARGUMENT" }),
    );
  });
  test("a definition that was made by defineJob can be defined again", () => {
    expect(define(defineJob(good))).toEqual(defineJob(good));
  });

  test("a status can have any name, also `__proto__`", () => {
    const statuses = JSON.parse('{"__proto__": {"next": ["constructor"]}, "constructor": {"next": ["__proto__"]}}');
    expect(Object.keys(define({ initial: "__proto__", statuses }).statuses)).toEqual(["__proto__", "constructor"]);
    expect(refusal({ initial: "__proto__" })).toContain("__proto__");
  });
});
