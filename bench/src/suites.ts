import type { Suite } from "./frame/suite.js";
import { calls } from "./job-store/calls.js";
import { queueSuites } from "./queue/index.js";

/** In the order of the report. */
export const suites: readonly Suite[] = [calls, ...queueSuites];
