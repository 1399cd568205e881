import * as z from "zod";
import { defineJob } from "../src/index.js";

/** The plainest kind of job there can be. */
export const errand = defineJob({
  name: "errand",
  data: z.null(),
  initial: "todo",
  statuses: { todo: { next: ["done"] }, done: { next: ["todo"], final: true } },
});
