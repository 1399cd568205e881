import type { Suite } from "./harness/suite.js";
import { audit } from "./job-store/audit.js";
import { calls } from "./job-store/calls.js";
import { expiry } from "./job-store/expiry.js";
import { fields } from "./job-store/fields.js";
import { large } from "./job-store/large.js";
import { pages } from "./job-store/pages.js";
import { outbox, shards, validation } from "./job-store/variants.js";
import { watching } from "./job-store/watching.js";
import { consuming } from "./queue/consuming.js";
import { publishing } from "./queue/publishing.js";
import { relaying } from "./queue/relaying.js";
import { limiting } from "./worker/limiting.js";
import { working } from "./worker/working.js";

/** All suites, in the order of the report. */
export const suites: readonly Suite[] = [
  calls,
  pages,
  fields,
  large,
  expiry,
  audit,
  watching,
  shards,
  outbox,
  validation,
  publishing,
  consuming,
  relaying,
  working,
  limiting,
];
