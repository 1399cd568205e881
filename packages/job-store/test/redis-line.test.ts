import { EventEmitter } from "node:events";
import type { Redis } from "ioredis";
import { expect, test } from "vitest";
import type { StoreEvent } from "../src/index.js";
import { Line } from "../src/lib/redis/line.js";

test("a line that was closed while it opened tells nobody that it is open", () => {
  const events: StoreEvent[] = [];
  const client = Object.assign(new EventEmitter(), { status: "connecting", disconnect: () => {} });
  const line = new Line(client as unknown as Redis, (event) => events.push(event));
  line.close();
  client.emit("ready");
  expect(events).toEqual([]);
  expect(line.isOpen).toBe(false);
});
