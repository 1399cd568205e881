import { expect, test } from "vitest";
import type { EventLog } from "../src/lib/driver.js";
import { SharedLogReader, Subscription } from "../src/lib/watch/shared-log-reader.js";

const newReader = () => new SharedLogReader({} as EventLog, new AbortController().signal);
const deleted = (number: number, reader: SharedLogReader) =>
  ({ type: "deleted", id: "a", at: 0, position: { log: "1", number }, reader }) as const;

test("the queue of a consumer that reads nothing has a maximum length", () => {
  const [one, other] = [newReader(), newReader()];
  const subscription = new Subscription(null);
  for (let number = 1; number <= 50_000; number++) {
    subscription.add(deleted(number, number % 2 === 0 ? one : other));
    if (number % 10_000 === 0) expect(subscription.length).toBeLessThanOrEqual(1000);
  }
});

test("dropped events are replaced by one resync for each log, at the position of its last dropped event", async () => {
  const [one, other] = [newReader(), newReader()];
  const subscription = new Subscription(null);
  for (let number = 1; number <= 1000; number++) subscription.add(deleted(number, number === 7 ? other : one));
  subscription.add(deleted(1001, one));
  subscription.add(deleted(1002, one));
  expect(await subscription.take()).toMatchObject([
    { type: "resync", position: { number: 1001 }, reader: one },
    { type: "resync", position: { number: 7 }, reader: other },
    { type: "deleted", position: { number: 1002 } },
  ]);
});

test("if the log went back among the dropped events, the resync is also for consumers that have seen later events", async () => {
  const [one, other] = [newReader(), newReader()];
  const subscription = new Subscription(null);
  const rewound = {
    type: "resync",
    reason: "the log went back",
    position: { log: "1", number: 3 },
    rewound: true,
  } as const;
  subscription.add({ ...rewound, reader: one });
  for (let number = 4; number <= 1003; number++) subscription.add(deleted(number, number % 2 === 0 ? one : other));
  expect(await subscription.take()).toMatchObject([
    { type: "resync", reader: one, rewound: true },
    { type: "resync", reader: other, rewound: false },
  ]);
});
