import { expect, test } from "vitest";
import { createEventParser } from "../../page/lib/event-stream.js";

const stream = 'retry: 2000\n\nid: 7-1\nevent: job\ndata: {"a":1}\n\n: still here\n\nid: 7-2\ndata: one\ndata:two\n\n';
const events = [
  { type: "job", data: '{"a":1}', id: "7-1" },
  { type: "message", data: "one\ntwo", id: "7-2" },
];

test("reads events, and skips comments and unknown fields", () => {
  expect(createEventParser()(stream)).toEqual(events);
});

test.each([
  ["\n", 1],
  ["\r\n", 1],
  ["\r", 1],
  ["\r\n", 2],
  ["\r\n", 5],
])("reads the same events with lines that end in %j, in pieces of %i", (lineBreak, length) => {
  const text = stream.replaceAll("\n", lineBreak);
  const parse = createEventParser();
  const pieces = text.match(new RegExp(`[^]{1,${length}}`, "g")) ?? [];
  // A carriage return at the end can be half of a line break.
  expect([...pieces, ":\n"].flatMap((piece) => parse(piece))).toEqual(events);
});

test("an incomplete event is skipped", () => {
  expect(createEventParser()("data: half")).toEqual([]);
});
