import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { privateServer } from "../../test/servers/require.js";
import { round } from "../src/round.js";

const redis = privateServer("redis");
const rabbitmq = privateServer("rabbitmq");
const title = (redis.available ? rabbitmq : redis).title("twenty seconds of faults");

describe.skipIf(!redis.available || !rabbitmq.available)(title, { timeout: 300_000 }, () => {
  test("breaks no promise", async () => {
    const folder = await mkdtemp(join(tmpdir(), "subtitles-chaos-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // The exact times belong to `npm run chaos`: a machine that runs other tests beside this one may be late.
    const verdict = await round({ seed: 20_261_124, forMs: 20_000, folder, slackMs: 2_000 });
    expect(verdict.violations.slice(0, 10)).toEqual([]);
    expect(verdict.operations).toBeGreaterThan(200);
    expect(verdict.faults.length).toBeGreaterThan(6);
  });
});
