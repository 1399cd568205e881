import fc from "fast-check";
import { expect, test } from "vitest";
import { readingOf, readRecord } from "../src/lib/redis/read-record.js";

const json = (value: unknown): string => JSON.stringify(value);

/** Arbitrary characters, including those that JSON escapes. */
const word = fc.string({ unit: "grapheme", maxLength: 200 });
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const time = fc.integer({ min: 1, max: 2 ** 42 });
/** JSON values without -0, which JSON cannot represent. */
const part = fc.jsonValue({ stringUnit: "grapheme" }).map((value) => JSON.parse(json(value)));
const remark = fc.record({ by: word, note: word, key: word }, { requiredKeys: [] });
const entryWith = (operation: string, earliest: number) =>
  fc.record({
    version: count,
    from: fc.option(word),
    to: word,
    at: fc.integer({ min: earliest, max: 2 ** 42 }),
    remark: fc.option(remark),
    operation: fc.constant(operation),
  });
/** Made by an operation, and imported. */
const entry = fc.oneof(entryWith("abcde001", 1), entryWith("", 0));

const job = fc.record({
  version: count,
  status: word,
  attempt: count,
  createdAt: time,
  updatedAt: fc.option(time),
  statusAt: time,
  ttl: fc.oneof(fc.constant(0), time),
  progress: fc.option(part),
  result: fc.option(part),
  error: fc.option(part),
  data: part,
  room: fc.option(fc.nat({ max: 200 })),
  ops: fc.option(fc.constant("abcde001 3000 2")),
  history: fc.array(entry, { maxLength: 20 }),
});
type Stored = typeof job extends fc.Arbitrary<infer T> ? T : never;

/** Returns a record in the format of lua/includes/record.lua. */
function textOf(stored: Stored): string {
  const { createdAt, statusAt, updatedAt, ttl, room, ops } = stored;
  const times = [createdAt, statusAt, ...(updatedAt === null ? [] : [updatedAt])];
  const line = (name: "progress" | "result" | "error") =>
    stored[name] === null ? [] : [`"${name}":${json(stored[name])},`];
  const entries = stored.history.map(({ version, from, to, at, operation, remark }) =>
    json([
      version,
      from,
      to,
      operation !== "" && at === createdAt ? 0 : at,
      operation,
      ...(remark === null ? [] : [remark]),
    ]),
  );
  return [
    `{"version":${stored.version},"status":${json(stored.status)},"attempt":${stored.attempt},"ttl":${ttl},` +
      `"times":${json(times)},${ops === null ? "" : `"ops":"${ops}",`}"history":[`,
    ...(entries.length === 0 ? [] : [entries.reverse().join(",\n")]),
    "],",
    ...[...line("result"), ...line("progress"), ...line("error"), ...(room === null ? [] : [" ".repeat(room)])],
    `"data":${json(stored.data)}}`,
  ].join("\n");
}

/** Reads a record with `JSON.parse`, which does not depend on the layout. */
function expected({ createdAt, statusAt, updatedAt, ttl, history, room, ops, ...rest }: Stored) {
  return {
    id: "a",
    ...rest,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt ?? statusAt),
    statusAt: new Date(statusAt),
    expiresAt: ttl === 0 ? null : new Date(statusAt + ttl),
    leasedUntil: null,
    history: history.map(({ at, remark, operation, ...change }) => ({ ...change, at: new Date(at), ...remark })),
  };
}

test("a record is read as it was written, from bytes and from a string", () => {
  fc.assert(
    fc.property(job, (stored) => {
      const text = textOf(stored);
      expect(readRecord("a", Buffer.from(text))).toEqual(expected(stored));
      expect(readRecord("a", text)).toEqual(expected(stored));
    }),
    { numRuns: 300 },
  );
});

test("statuses are not mixed up, also if there are more than the reader caches", () => {
  const [stored] = fc.sample(job, { numRuns: 1, seed: 1 }) as [Stored];
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 2_000; n++) {
      expect(readRecord("a", textOf({ ...stored, status: `status ${n}` }))).toHaveProperty("status", `status ${n}`);
    }
  }
});

test("a record that is truncated, or has a character after its end, is unreadable", () => {
  const cut = fc.tuple(job, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
  fc.assert(
    fc.property(cut, ([stored, share]) => {
      const text = textOf(stored);
      const reason = "its value is not a job record";
      const stump = text.slice(0, Math.floor(text.length * share));
      expect(readingOf("a", stump)).toEqual({ kind: "unreadable", reason });
      expect(readingOf("a", `${text}}`)).toEqual({ kind: "unreadable", reason });
    }),
    { numRuns: 300 },
  );
});

test("a number that is not a time, or not exact, makes a record unreadable", () => {
  const record = (version: string, times: string) =>
    `{"version":${version},"status":"s","attempt":1,"ttl":0,"times":[${times}],"history":[\n],\n"data":1}`;
  expect(readRecord("a", record("9007199254740991", "0,-1"))).toMatchObject({ version: Number.MAX_SAFE_INTEGER });
  for (const version of ["9007199254740993", "1e3", "1.5", "", "-", '"1"']) {
    expect(readRecord("a", record(version, "0,0"))).toMatchObject({ kind: "unreadable" });
  }
  for (const times of ["0", "0,0,0,0", "2251799813685249,0", "0,-2251799813685249", "null,0", "0, 0"]) {
    expect(readRecord("a", record("1", times))).toMatchObject({ kind: "unreadable" });
  }
});
