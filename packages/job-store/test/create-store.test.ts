import { describe, expect, test } from "vitest";
import { createJobStore, defineJob, type JobStoreDriver, type StoreConfig, type StoreEvent } from "../src/index.js";
import { readDescription } from "../src/lib/store/create-job-store.js";
import { memoryDriver } from "../src/memory.js";
import { errand } from "./errand.js";

/** Driver that records the configuration that it is opened with. */
function observed(): { driver: JobStoreDriver; configs: StoreConfig[] } {
  const memory = memoryDriver();
  const configs: StoreConfig[] = [];
  const open = (config: StoreConfig) => {
    configs.push(config);
    return memory.open(config);
  };
  return { driver: { ...memory, name: "observed", open }, configs };
}

const event: StoreEvent = { type: "disconnected", message: "The connection was lost.", details: { attempt: 1 } };

describe("createJobStore", () => {
  test("opens the driver once, with the definition and the defaults", () => {
    const { driver, configs } = observed();
    createJobStore({ job: errand, driver });
    expect(configs).toEqual([
      {
        definition: "errand",
        statuses: ["todo", "done"],
        finalStatuses: ["done"],
        initial: "todo",
        sources: new Map([
          ["todo", ["done"]],
          ["done", ["todo"]],
        ]),
        fields: [],
        ttlMs: new Map([
          ["todo", 0],
          ["done", 0],
        ]),
        sends: new Map(),
        timeouts: new Map(),
        maxCount: new Map(),
        historyLimit: 32,
        maxRecordBytes: 4_194_304,
        description: expect.stringContaining('"initial":"todo"'),
        emit: expect.any(Function),
      },
    ]);
  });

  test("passes the time limits and the messages of statuses, and records them", () => {
    const { driver, configs } = observed();
    const statuses = {
      todo: {
        next: ["done", "failed"],
        timeoutSeconds: 60,
        sends: [{ queue: "work" }, { queue: "owners", ifField: "owner" }],
      },
      done: { next: [], final: true, sends: [] },
      failed: { next: ["todo"], final: true },
      parked: { next: ["todo"], timeoutSeconds: 1, timeoutTo: "todo" },
    } as const;
    createJobStore({ job: defineJob({ ...errand, statuses, index: { owner: () => "Ann" } }), driver });
    const sends = [
      { queue: "work", ifField: null },
      { queue: "owners", ifField: "owner" },
    ];
    const [config] = configs;
    expect(config?.sends).toEqual(new Map([["todo", sends]]));
    const timeouts = { todo: { ms: 60_000, to: "failed" }, parked: { ms: 1000, to: "todo" } };
    expect(config?.timeouts).toEqual(new Map(Object.entries(timeouts)));
    expect(readDescription(config?.description ?? null)?.statuses).toEqual({
      todo: expect.objectContaining({ sends, timeout: timeouts.todo }),
      done: expect.objectContaining({ sends: [], timeout: null }),
      failed: expect.objectContaining({ sends: [], timeout: null }),
      parked: expect.objectContaining({ sends: [], timeout: timeouts.parked }),
    });
  });

  test("a description of an earlier version of this package has no time limits and no messages", () => {
    const earlier = { next: [], final: false, ttlMs: 0, maxCount: null };
    const text = JSON.stringify({ edition: 1, initial: "todo", statuses: { todo: earlier }, fields: [] });
    expect(readDescription(text)?.statuses).toEqual({ todo: { ...earlier, timeout: null, sends: [] } });
  });

  test("options with the value undefined are ignored", () => {
    const { driver, configs } = observed();
    createJobStore({
      job: errand,
      driver,
      ttlSeconds: { todo: undefined },
      historyLimit: undefined,
      validateReads: undefined,
      maxRecordBytes: undefined,
      onEvent: undefined,
    });
    expect(configs[0]).toMatchObject({ historyLimit: 32, maxRecordBytes: 4_194_304 });
    expect(configs[0]?.ttlMs.get("todo")).toBe(0);
  });

  test("passes the events of the driver to onEvent, and ignores errors that onEvent throws", () => {
    const { driver, configs } = observed();
    const seen: StoreEvent[] = [];
    createJobStore({
      job: errand,
      driver,
      onEvent: (one) => {
        seen.push(one);
        throw new Error("the log is full");
      },
    });
    expect(() => configs[0]?.emit(event)).not.toThrow();
    expect(seen).toEqual([event]);
  });

  test("works without onEvent", () => {
    const { driver, configs } = observed();
    createJobStore({ job: errand, driver });
    expect(() => configs[0]?.emit(event)).not.toThrow();
  });

  const wrong: readonly (readonly [string, object | undefined])[] = [
    ["nothing", undefined],
    ["no job", { job: undefined }],
    ["a job whose data was replaced by a schema of zod 3", { job: { ...errand, data: { _def: {}, parse: () => 1 } } }],
    ["a job to which an unknown status was added", { job: { ...errand, statuses: { todo: { next: ["lost"] } } } }],
    ["no driver: losing jobs on exit must be a choice", { driver: undefined }],
    ["a driver of something else", { driver: { name: "redis" } }],
    ["ttlSeconds of a status that does not exist", { ttlSeconds: { finished: 60 } }],
    ["a historyLimit below zero", { historyLimit: -1 }],
    ["a maxRecordBytes of nothing", { maxRecordBytes: 0 }],
    ["a misspelt option", { onEvents: () => {} }],
  ];
  for (const [what, change] of wrong) {
    test(`${what} is INVALID_ARGUMENT`, () => {
      const options = change && { job: errand, driver: memoryDriver(), ...change };
      expect(() => createJobStore(options as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    });
  }

  test("the error for a job that is not from defineJob names defineJob, and the error for an unknown option names the option", () => {
    const { data, initial, statuses } = errand;
    const job = { name: "errand", data, initial, statuses };
    expect(() => createJobStore({ job, driver: memoryDriver() } as never)).toThrow(
      "requires a `job` made by defineJob",
    );
    const misspelt = { job: errand, driver: memoryDriver(), onEvents: () => {} };
    expect(() => createJobStore(misspelt as never)).toThrow(
      /^createJobStore does not support the option "onEvents"\. .*onEvent/,
    );
  });
});
