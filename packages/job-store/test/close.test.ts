import { describe, expect, test } from "vitest";
import { createJobStore, type JobStorage, type JobStoreDriver } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { errand } from "./errand.js";

/** A driver whose counts take as long as the test wants, and which notes what it is asked. */
function slowDriver() {
  const calls: string[] = [];
  let release = (_outcome: Promise<void>) => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const open: JobStoreDriver["open"] = (shape) => {
    const storage = memoryDriver().open(shape);
    const counts = storage.counts.bind(storage);
    const slow: Pick<JobStorage, "counts" | "close"> = {
      counts: async () => {
        calls.push("counts");
        await released;
        calls.push("counted");
        return counts();
      },
      close: async () => void calls.push("close"),
    };
    return Object.assign(storage, slow);
  };
  return { driver: { ...memoryDriver(), name: "slow", open }, calls, release };
}

describe("closing a store", () => {
  test("waits for the call in flight before it lets the driver go, and lets it go once", async () => {
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

  test("is not held up by a call that fails", async () => {
    const { driver, calls, release } = slowDriver();
    const store = createJobStore({ job: errand, driver });
    const counts = store.counts();
    const closing = store.close();
    release(Promise.reject(new Error("the server is away")));
    await expect(counts).rejects.toThrow("the server is away");
    await closing;
    expect(calls).toEqual(["counts", "close"]);
  });
});
