import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { createBoard, type Row } from "../src/board.js";
import { createOutput } from "./output.js";

function row(label: string, job: Partial<Row["job"]>): Row {
  return {
    label,
    job: {
      id: label,
      status: "translating",
      progress: null,
      error: null,
      fileUrl: null,
      details: {},
      result: null,
      history: [],
      ...job,
    },
  };
}
const progress = (done: number, total: number) => ({ progress: { done, total } });

test("a terminal gets bars, which are drawn again at the same place", () => {
  const { stream, text } = createOutput({ columns: 80 });
  const board = createBoard(stream);
  board.show([row("One", progress(1, 4)), row("Two", { status: "completed" })]);
  board.show([row("One", progress(2, 4)), row("Two", { status: "completed" })]);
  board.say("The translator died.");
  const bars = stripVTControlCharacters(text()).split("\n");
  expect(bars).toEqual([
    "  One  ██████░░░░░░░░░░░░░░░░░░  translating 1/4",
    "  Two  ████████████████████████  completed",
    "  One  ████████████░░░░░░░░░░░░  translating 2/4",
    "  Two  ████████████████████████  completed",
    "The translator died.",
    "  One  ████████████░░░░░░░░░░░░  translating 2/4",
    "  Two  ████████████████████████  completed",
    "",
  ]);
  expect(text().split("\u001B[2A")).toHaveLength(3);
});

test("no line is wider than the terminal", () => {
  const { stream, text } = createOutput({ columns: 60 });
  createBoard(stream).show([row("One", { status: "failed", error: { message: "x".repeat(200), code: null } })]);
  expect(stripVTControlCharacters(text()).trimEnd().length).toBeLessThanOrEqual(60);
});

test("other outputs get a line for each change, and no other lines", () => {
  const { stream, text } = createOutput();
  const board = createBoard(stream);
  for (const done of [0, 1, 2, 3, 4]) board.show([row("One", progress(done, 8))]);
  board.show([row("One", { status: "failed", error: { message: "No such film.", code: null } })]);
  expect(text()).toBe(
    "  One: translating 0/8\n  One: translating 2/8\n  One: translating 4/8\n  One: failed: No such film.\n",
  );
});
