import { expect, test } from "vitest";
import type { EventLog } from "../src/lib/driver.js";
import { Feed } from "../src/lib/watch/feed.js";
import { Subscription } from "../src/lib/watch/subscription.js";

const feed = () => new Feed({} as EventLog, new AbortController().signal);
const deleted = (number: number, of: Feed) =>
  ({ type: "deleted", id: "a", at: 0, place: { log: "1", number }, feed: of }) as const;

test("whoever never looks holds no more than a bounded number of events, however many come", async () => {
  const [one, other] = [feed(), feed()];
  const subscription = new Subscription(null);
  for (let number = 1; number <= 50_000; number++) {
    subscription.add(deleted(number, number % 2 === 0 ? one : other));
    if (number % 10_000 === 0) expect(subscription.waiting).toBeLessThanOrEqual(1000);
  }
});

test("what it lets go of is told by one resync for each log, up to the last event that is gone", async () => {
  const [one, other] = [feed(), feed()];
  const subscription = new Subscription(null);
  for (let number = 1; number <= 1000; number++) subscription.add(deleted(number, number === 7 ? other : one));
  subscription.add(deleted(1001, one));
  subscription.add(deleted(1002, one));
  expect(await subscription.take()).toMatchObject([
    { type: "resync", place: { number: 1001 }, feed: one },
    { type: "resync", place: { number: 7 }, feed: other },
    { type: "deleted", place: { number: 1002 } },
  ]);
});
