import { JobStoreError } from "@subtitles/job-store";
import { expect, test, vi } from "vitest";
import { untilStored } from "../src/until-stored.js";

const away = () => Promise.reject(new JobStoreError("UNAVAILABLE", "Redis is away."));
const forever = new AbortController().signal;

test("a call is repeated while the store is away", async () => {
  const call = vi
    .fn<() => Promise<string>>()
    .mockImplementationOnce(away)
    .mockImplementationOnce(away)
    .mockResolvedValue("stored");
  await expect(untilStored(call, forever)).resolves.toBe("stored");
  expect(call).toHaveBeenCalledTimes(3);
});

test("any other refusal is passed on at once", async () => {
  const call = vi.fn(() => Promise.reject(new JobStoreError("CONFLICT", "Someone else was faster.")));
  await expect(untilStored(call, forever)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(call).toHaveBeenCalledTimes(1);
});

test("it gives up when the signal aborts, also in the middle of a wait", async () => {
  const stop = new AbortController();
  const call = vi.fn(() => {
    setImmediate(() => stop.abort());
    return away();
  });
  await expect(untilStored(call, stop.signal)).rejects.toMatchObject({ name: "AbortError" });
  expect(call).toHaveBeenCalledTimes(1);
});
