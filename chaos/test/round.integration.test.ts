import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { privateServer } from "../../test/servers/require.js";
import { runRound } from "../src/round.js";

const redis = privateServer("redis");
const rabbitmq = privateServer("rabbitmq");
const title = (redis.available ? rabbitmq : redis).title("a round with 6 seconds of faults");

describe.skipIf(!redis.available || !rabbitmq.available)(title, { timeout: 300_000 }, () => {
  // Both servers and a client are killed in the first four seconds.
  test("violates no guarantee", async () => {
    const folder = await mkdtemp(join(tmpdir(), "subtitles-chaos-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // Other tests run on the same machine and delay calls. `npm run chaos` checks the exact timeouts.
    const result = await runRound({ seed: 438, forMs: 6_000, jobs: 300, folder, slackMs: 2_000 });
    expect(result.violations.slice(0, 10)).toEqual([]);
    expect(result.operations).toBeGreaterThan(200);
    expect(result.work.runs).toBeGreaterThan(0);
  });
});
