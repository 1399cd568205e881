import { describe, test, vi } from "vitest";
import { closing } from "./worker-suite/closing.js";
import { copies } from "./worker-suite/copies.js";
import { errors } from "./worker-suite/errors.js";
import { letters } from "./worker-suite/letters.js";
import { requests } from "./worker-suite/requests.js";
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
describe("errors", () => errors(onMemory));
describe("dead letters and lost workers", () => letters(onMemory));
describe("time limits", () => timeLimits(onMemory));
describe("closing and pausing", () => closing(onMemory));
