import { expect } from "vitest";
import type { Json } from "../../index.js";
import type { Context } from "./context.js";
import { imported } from "./imported.js";

function nested(levels: number): Json {
  let value: Json = [];
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { deeper: value } : [value];
  return value;
}

/** Own keys that an object literal would take for something else. */
const ownKeys = JSON.parse(
  '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "": 0}',
);

/** What a store that decodes and encodes on the way (in Lua, say) gets wrong. */
const HOSTILE: Readonly<Record<string, Json>> = {
  "line breaks": "one\ntwo\r\nthree\rfour\n\n",
  "line breaks in keys": { "a\nb": 1, "\n": 2, "\r\n": 3 },
  NUL: ["\0", "a\0b", { "\0": "\0\0" }],
  "lone surrogates": ["\ud800", "\udfff", "a\udc00\ud800b", { "\ud83d": "\ude00" }],
  "keys of every prototype": ownKeys,
  "empty containers": { array: [], object: {}, both: [[], {}, [[]], [{}]], text: "" },
  "large whole numbers": [2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53, 2 ** 63, 1e21, 1e22],
  "long floats": [1.7976931348623157e308, 5e-324, 0.1 + 0.2, -1e-7, 1 / 3, Math.PI, 123456789.12345679],
  "text that looks like numbers": ["1e1000", "NaN", "-0", "0x10", "9007199254740993"],
  literals: [true, false, null, "true", "null", ""],
  "deep nesting": nested(100),
  "a megabyte of text": "0123456789abcde\n".repeat(65_536),
  "separators and marks": "\u2028\u2029\u0085\ufeff\u200b\u202e\u007f\u0001\u001f",
  "emoji and combined characters": ["🦊", "👩‍👩‍👧‍👦", "e\u0301", "é", "İ", "ß"],
  "quotes and backslashes in keys": { '"': 1, "\\": 2, "\\n": 3, '\\"': 4, "a.b": 5, $set: 6, "%s": 7, "{}": 8 },
  "text that looks like a record": '{"id":"b","version":99}\n{"status":"done"}\n',
  "an array with null": [null, [null], { a: null }],
};

/** As text, since a comparison of objects is itself confused by keys such as `constructor`. */
function expectExactly(actual: unknown, expected: Json): void {
  expect(JSON.stringify(actual)).toBe(JSON.stringify(expected));
}

const prototypeKeys = Reflect.ownKeys(Object.prototype);

export function hostileData({ test }: Context): void {
  for (const [name, body] of Object.entries(HOSTILE)) {
    test(`${name}: comes back exactly as it went in, wherever it is stored`, async ({ store, stores }) => {
      const { job } = await store.create(
        { title: "One", body },
        { id: "a", outbox: [{ queue: "reports", payload: body }] },
      );
      expectExactly(job.data, { title: "One", body });
      await store.updateProgress("a", { done: 1, body });
      await store.updateStatus("a", "working", { outbox: [{ queue: "reports", payload: { body } }] });
      await store.updateStatus("a", "working", { progress: { done: 2, body }, result: { url: "x", body } });
      await store.save(imported("b", { data: { title: "Two", body }, result: { url: "y", body } }));
      await store.updateStatus("b", "working");

      for (const reader of [store, stores.openApart()]) {
        const [a, b] = await reader.getMany(["a", "b"]);
        const ends = { title: "One", body };
        expect(a).toMatchObject({ version: 3, status: "working", attempt: 1 });
        expectExactly(a?.data, ends);
        expectExactly(a?.progress, { done: 2, body });
        expectExactly(a?.result, { url: "x", body });
        expectExactly(b?.data, { title: "Two", body });
        expectExactly(b?.result, { url: "y", body });
        const listed = (await reader.list({ status: "working", limit: 10 })).items.find(({ id }) => id === "a");
        expectExactly(listed?.data, ends);
      }
      const messages = [...(await store.outbox.read())];
      // A read may hand out fewer than there are.
      while (messages.length < 2) messages.push(...(await store.outbox.read({ waitMs: 10_000 })));
      expectExactly(
        messages.map(({ payload }) => payload),
        [body, { body }],
      );
      expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeKeys);
    });
  }

  const texts = Object.entries(HOSTILE).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1].length < 1000,
  );
  for (const [name, text] of [...texts, ["lone surrogates", "\ud800-\udfff"], ["NUL", "a\0b"]] as const) {
    test(`${name}: in notes, names, failures, headers and reasons`, async ({ store }) => {
      const outbox = [
        {
          queue: `q${text.slice(0, 50)}`,
          payload: 1,
          id: `m${text.slice(0, 50)}`,
          headers: { traceparent: text, [text.slice(0, 200)]: "k" },
        },
      ];
      await store.create({ title: text }, { id: "a", by: text, outbox });
      const job = await store.updateStatus("a", "failed", {
        by: text,
        note: text,
        error: { message: text, code: text },
      });
      expect(await store.get("a")).toEqual(job);
      expect(job).toMatchObject({ data: { title: text }, error: { message: text, code: text } });
      expect(job.history).toMatchObject([{ by: text }, { by: text, note: text }]);
      const [entry] = await store.outbox.read();
      expect(entry).toMatchObject(outbox[0] as object);
      await store.outbox.reject([entry?.entryId as string], text);
      expect((await store.outbox.rejected())[0]?.reason).toBe(text);
    });
  }

  test("-0 is stored as 0", async ({ store }) => {
    const { job } = await store.create({ title: "One", body: [-0] });
    expect(job.data.body).toStrictEqual([0]);
  });

  test("an absent property and one that is undefined are the same", async ({ store }) => {
    const body = { kept: 1, dropped: undefined };
    const { job } = await store.create({ title: "One", body }, { id: "a" });
    expectExactly(job.data.body, { kept: 1 });
  });
}
