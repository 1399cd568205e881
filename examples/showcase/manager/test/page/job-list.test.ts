import { expect, test } from "vitest";
import { everything } from "../../page/lib/filter.js";
import { withJob, withoutJob, withPage } from "../../page/lib/job-list.js";
import type { JobSummary } from "../../src/api/views.js";
import { at, job } from "./a-job.js";

const list = (items: JobSummary[], cursor: string | null = null) => ({ items, cursor, search: null });
const ids = ({ items }: { items: JobSummary[] }) => items.map(({ id }) => id).join(" ");
const two = list([job("new", 20), job("old", 10)]);

test("a new job is inserted by its time", () => {
  expect(ids(withJob(two, job("newest", 30), everything))).toBe("newest new old");
  expect(ids(withJob(two, job("between", 15), everything))).toBe("new between old");
  expect(ids(withJob(two, job("oldest", 5), everything))).toBe("new old oldest");
});

test("a job of a page that was not loaded is not shown", () => {
  expect(ids(withJob(list(two.items, "more"), job("oldest", 5), everything))).toBe("new old");
});

test("a job changes in its place, and not to an older version", () => {
  const changed = withJob(two, job("old", 10, { version: 3, status: "failed" }), everything);
  expect(changed.items[1]).toMatchObject({ id: "old", status: "failed" });
  expect(withJob(changed, job("old", 10, { version: 2, status: "downloading" }), everything)).toBe(changed);
  const progressed = withJob(changed, job("old", 10, { version: 3, updatedAt: at(40), percent: 50 }), everything);
  expect(progressed.items[1]).toMatchObject({ percent: 50 });
  expect(withJob(progressed, job("old", 10, { version: 3, updatedAt: at(39) }), everything)).toBe(progressed);
});

test.each([
  ["status", { status: "failed" }],
  ["language", { language: "fr" }],
  ["targetLanguage", { targetLanguage: "es" }],
] as const)("a job whose %s does not match the filter is removed or not inserted", (_, wanted) => {
  const filter = { ...everything, ...wanted };
  expect(ids(withJob(two, job("new", 20, { version: 2 }), filter))).toBe("old");
  expect(withJob(two, job("other", 30), filter)).toBe(two);
});

test("with a status, jobs are ordered by the time at which they entered it", () => {
  const filter = { ...everything, status: "pending" } as const;
  const again = job("old", 10, { version: 4, statusAt: at(50), updatedAt: at(50) });
  expect(ids(withJob(two, again, filter))).toBe("old new");
});

test("a search adds no new jobs, and continues to show changes", () => {
  const filter = { ...everything, q: "new" };
  expect(withJob(two, job("newest", 30), filter)).toBe(two);
  expect(withJob(two, job("new", 20, { version: 2, percent: 9 }), filter).items[0]).toMatchObject({ percent: 9 });
});

test("the next page adds no job twice, and has the new cursor", () => {
  const next = withPage(list(two.items, "more"), list([job("old", 10), job("older", 5)]));
  expect([ids(next), next.cursor]).toEqual(["new old older", null]);
});

test("a deleted job is removed", () => {
  expect(ids(withoutJob(two, "new"))).toBe("old");
  expect(withoutJob(two, "unknown")).toBe(two);
});
