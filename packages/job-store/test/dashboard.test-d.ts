import { createJobStore, type JobStoreDriver, openRecordedStore } from "@subtitles/job-store";
import { createDashboard, type DashboardAction, type DashboardBroker } from "@subtitles/job-store/dashboard";
import { subtitleJob } from "@subtitles/job-store/subtitle";
import { describe, expectTypeOf, test } from "vitest";
import { report } from "../src/lib/contract/definitions.js";

declare const driver: JobStoreDriver;
const subtitles = createJobStore({ job: subtitleJob, driver });
const reports = createJobStore({ job: report, driver });
const may = () => true;

describe("a dashboard", () => {
  test("accepts stores of different definitions, recorded stores and drivers", async () => {
    const recorded = await openRecordedStore(driver);
    if (recorded === null) return;
    createDashboard({
      stores: {
        subtitles: { store: subtitles },
        reports: { store: reports },
        tool: { store: recorded },
        other: { driver },
      },
      may,
    });
    // @ts-expect-error: either a store or a driver
    createDashboard({ stores: { subtitles: { store: subtitles, driver } }, may });
  });

  test("does not compile without a decision about access", () => {
    // @ts-expect-error: no `may`
    createDashboard({ stores: { subtitles: { store: subtitles } } });
  });

  test("passes the action to `may` and reports it", () => {
    createDashboard({
      stores: { subtitles: { store: subtitles } },
      may: (request, action, store) => {
        expectTypeOf(request).toEqualTypeOf<Request>();
        expectTypeOf(store).toEqualTypeOf<string>();
        expectTypeOf(action).toEqualTypeOf<"read" | DashboardAction["action"]>();
        return action === "read";
      },
    });
    expectTypeOf<DashboardAction["result"]>().toEqualTypeOf<"done" | "denied" | "failed">();
  });

  test("needs no definition of a queue except its name", () => {
    expectTypeOf<Parameters<DashboardBroker["stats"]>[0]>().toEqualTypeOf<{ readonly name: string }>();
  });
});
