import type { Suite } from "./frame/suite.js";
import { audit } from "./job-store/audit.js";
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
  audit,
  watching,
  shards,
  outbox,
  validation,
  ...queueSuites,
];
