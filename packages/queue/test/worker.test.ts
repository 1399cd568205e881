import { describe, test, vi } from "vitest";
import { closing } from "./worker-suite/closing.js";
import { copies } from "./worker-suite/copies.js";
import { errors } from "./worker-suite/errors.js";
import { examinedLetters } from "./worker-suite/examined-letters.js";
import { keyLimits } from "./worker-suite/key-limits.js";
import { lateRequests } from "./worker-suite/late-requests.js";
import { letters } from "./worker-suite/letters.js";
import { liveWorkers } from "./worker-suite/live-workers.js";
import { outages } from "./worker-suite/outages.js";
import { queuePauses } from "./worker-suite/queue-pauses.js";
import { requests } from "./worker-suite/requests.js";
import { runs } from "./worker-suite/runs.js";
import { thrownValues } from "./worker-suite/thrown-values.js";
import { timeLimits } from "./worker-suite/time-limits.js";
import { type Case, memoryWorld } from "./worker-suite/world.js";

const onMemory: Case = (name, run) =>
  test(name, async () => {
    vi.useFakeTimers();
    const world = memoryWorld();
    try {
      await run(world);
    } finally {
      await world.end();
      vi.useRealTimers();
    }
  });

describe("copies and redeliveries", () => copies(onMemory));
describe("requests during a run", () => requests(onMemory));
describe("requests at unusual times", () => lateRequests(onMemory));
describe("letters that are examined", () => examinedLetters(onMemory));
describe("outages and lost processes", () => outages(onMemory));
describe("thrown values", () => thrownValues(onMemory));
describe("runs of a job and their messages", () => runs(onMemory));
describe("errors", () => errors(onMemory));
describe("dead letters and lost workers", () => letters(onMemory));
describe("time limits", () => timeLimits(onMemory));
describe("closing and pausing", () => closing(onMemory));
describe("paused queues", () => queuePauses(onMemory));
describe("live workers", () => liveWorkers(onMemory));
describe("limits of a key", () => keyLimits(onMemory));
