import type { Suite } from "./frame/suite.js";
import { calls } from "./job-store/calls.js";
import { expiry } from "./job-store/expiry.js";
import { large } from "./job-store/large.js";
import { pages } from "./job-store/pages.js";
import { outbox, shards, validation } from "./job-store/variants.js";
import { watching } from "./job-store/watching.js";
import { queueSuites } from "./queue/index.js";

/** In the order of the report. */
export const suites: readonly Suite[] = [
  calls,
  pages,
  large,
  expiry,
  watching,
  shards,
  outbox,
  validation,
  ...queueSuites,
];
