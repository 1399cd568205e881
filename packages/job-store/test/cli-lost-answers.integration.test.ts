import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Command } from "../src/lib/cli/command.js";
import { deleteJobs, setStatus } from "../src/lib/cli/commands/change.js";
import { createOutput } from "../src/lib/cli/output.js";
import { openRecordedStore } from "../src/lib/store/recorded-store.js";
import { lines, openPlace, redis } from "./cli-place.js";
import { failureOf } from "./redis-store.js";
import { type Fate, type Method, Outage } from "./reporter-outage.js";

describe.skipIf(redis.url === null)(redis.title("Commands whose reply is lost"), () => {
  /** Runs a command on a store. The test decides the outcome of each call. */
  async function openOutage() {
    const { driver, store: direct } = await openPlace();
    const outage = new Outage(driver);
    const opened = (await openRecordedStore(outage.driver)) ?? expect.fail("no store was recorded");
    onTestFinished(() => opened.store.close());
    async function run(command: Command, ...operands: readonly string[]) {
      let out = "";
      const output = createOutput(
        true,
        (text) => (out += text),
        (text) => (out += text),
      );
      const code = await command.run({
        ...opened,
        output,
        operands,
        options: {},
        confirm: async () => true,
        onStoreEvent: () => {},
        stdin: new PassThrough(),
        env: {},
        signal: new AbortController().signal,
      });
      return { code, said: lines(out) };
    }
    return { run, outage, direct };
  }

  const meets = (outage: Outage, change: Method, fate: Fate, others: Fate) => {
    outage.fate = (verb) => (verb === change ? fate : others);
  };

  test("delete reads the job, and reports that it was deleted", async () => {
    const { run, outage, direct } = await openOutage();
    outage.once("delete", "lost after");
    expect(await run(deleteJobs, "a")).toEqual({ code: 0, said: [{ id: "a", deleted: true }] });
    expect(await direct.get("a")).toBeNull();
  });

  test("delete reads the job, and reports that it was not deleted", async () => {
    const { run, outage, direct } = await openOutage();
    outage.once("delete", "lost before");
    const error = await failureOf(run(deleteJobs, "a"));
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    expect(error.message).toBe("Redis did not reply in time, and job a was not changed. Try again.");
    expect(await direct.get("a")).not.toBeNull();
  });

  test("a command that cannot read the job names the job to check", async () => {
    const { run, outage } = await openOutage();
    meets(outage, "delete", "lost after", "refused");
    const error = await failureOf(run(deleteJobs, "a"));
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
    expect(error.message).toMatch(
      /^The result for job a is unknown\. Check it with: npx @subtitles\/job-store get a\. /,
    );
  });

  test("an applied change is distinguished from one that was not applied", async () => {
    const { run, outage, direct } = await openOutage();
    outage.once("updateStatus", "lost after");
    expect(await run(setStatus, "a", "working")).toEqual({
      code: 0,
      said: [{ id: "a", from: "waiting", to: "working" }],
    });
    outage.once("updateStatus", "lost before");
    expect((await failureOf(run(setStatus, "a", "failed"))).message).toContain("job a was not changed");
    expect(await direct.get("a")).toMatchObject({ status: "working", version: 2 });
  });

  test("the same change by another client is not mistaken for the own one", async () => {
    const { run, outage, direct } = await openOutage();
    outage.fate = async (verb) => {
      if (verb !== "updateStatus") return "answered";
      await direct.updateStatus("a", "working", { by: "job-store" });
      return "lost before";
    };
    const error = await failureOf(run(setStatus, "a", "working"));
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
  });
});
