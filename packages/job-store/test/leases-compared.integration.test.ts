import { randomUUID } from "node:crypto";
import { afterAll, describe, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { memoryDriver } from "../src/memory.js";
import { redisDriver } from "../src/redis.js";
import { type Action, type Drivers, expectSameAnswers, expectSameLeases } from "./leases-compared.js";

const { url, prefix, title } = server("redis");

const LONG = 3_600_000;
const outbox = [{ queue: "q1", delayMs: null }];
const create: Action = { verb: "create", id: "a", label: true, outbox };
const read: Action = { verb: "read" };
const claim = {
  verb: "claim",
  id: "a",
  to: "working",
  message: 0,
  key: 0,
  leaseMs: LONG,
  drift: null,
  max: null,
} as const;
const renew = { verb: "renew", snapshots: [0], leaseMs: LONG } as const;
const end: Action = { ...renew, leaseMs: 0 };
const save: Action = { verb: "save", snapshot: 0, status: "checking", attempt: 0 };
const fail = { verb: "fail", id: "a", message: 0, working: "working", to: "failed" } as const;
const move = {
  verb: "move",
  id: "a",
  snapshot: null,
  to: "working",
  handled: false,
  leaseMs: null,
  failedAttempt: false,
  key: null,
  outbox: [],
} as const;

/** Sequences that had different answers. Each begins with a job and its message. */
const SEQUENCES: readonly (readonly [string, readonly Action[]])[] = [
  ["renewed after a repeated claim", [claim, end, { ...claim, key: 1 }, renew, renew]],
  ["changed after a save of a postponed job", [claim, { ...move, leaseMs: LONG }, save, move, claim]],
  ["ended after a save of a postponed job", [claim, { ...move, leaseMs: LONG }, save, end]],
  ["done after a save", [claim, save, { ...move, to: "done" }]],
  ["a message stored with a final status", [move, { ...move, to: "done", outbox }, fail]],
  [
    "remembered, then failed to a status that is not final",
    [claim, { ...claim, message: 3 }, end, read, { ...fail, to: "checking" }],
  ],
  [
    "ended after a claim has noticed that the time is over",
    [{ ...claim, leaseMs: 1 }, { ...claim, drift: 1 }, { ...renew, leaseMs: 0 }, claim],
  ],
];

describe.skipIf(url === null)(title("Leases in Redis compared with those in memory"), () => {
  const address = url as string;
  const testPrefix = `${prefix}leases-compared:`;
  const drivers: Drivers = {
    one: () => memoryDriver(),
    other: () => redisDriver({ url: address, keyPrefix: `${testPrefix}${randomUUID()}:`, timeoutMs: 60_000 }),
  };
  afterAll(() => removeKeys(address, testPrefix));

  test.each(SEQUENCES)("the answers are the same: %s", async (_, actions) => {
    for (const historyLimit of [0, 100]) await expectSameAnswers(drivers, historyLimit, [create, read, ...actions]);
  });

  test("any sequence of calls has the same answers", { timeout: 240_000 }, async () => {
    await expectSameLeases(drivers, { seed: 20_261_129, numRuns: 40 });
  });
});
