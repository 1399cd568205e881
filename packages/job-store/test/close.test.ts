import { describe, expect, test } from "vitest";
import { createJobStore, type JobStorage, type JobStoreDriver } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { errand } from "./errand.js";

/** Driver that records its calls. The test decides when `counts` resolves. */
function slowDriver() {
  const calls: string[] = [];
  let release = (_outcome: Promise<void>) => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const open: JobStoreDriver["open"] = (config) => {
    const storage = memoryDriver().open(config);
    const counts = storage.counts.bind(storage);
    const slow: Pick<JobStorage, "counts" | "close"> = {
      counts: async (where) => {
        calls.push("counts");
        await released;
        calls.push("counted");
        return counts(where);
      },
      close: async () => void calls.push("close"),
    };
    return Object.assign(storage, slow);
  };
  return { driver: { ...memoryDriver(), name: "slow", open }, calls, release };
}

describe("closing a store", () => {
  test("waits for the call in flight, and then closes the driver once", async () => {
    const { driver, calls, release } = slowDriver();
    const store = createJobStore({ job: errand, driver });
    const counts = store.counts();
    const closings = [store.close(), store.close(), store[Symbol.asyncDispose]()];
    await expect(store.counts()).rejects.toMatchObject({ code: "CLOSED" });
    expect(calls).toEqual(["counts"]);
    release(Promise.resolve());
    await Promise.all([...closings, store.close()]);
    expect(await counts).toEqual({ todo: 0, done: 0 });
    expect(calls).toEqual(["counts", "counted", "close"]);
  });

  test("does not wait longer because a call fails", async () => {
    const { driver, calls, release } = slowDriver();
    const store = createJobStore({ job: errand, driver });
    const counts = store.counts();
    const closing = store.close();
    release(Promise.reject(new Error("the server is unreachable")));
    await expect(counts).rejects.toThrow("the server is unreachable");
    await closing;
    expect(calls).toEqual(["counts", "close"]);
  });
});
