import * as z from "zod";
import { defineJob } from "../src/index.js";

/** Job definition with the minimum of properties. */
export const errand = defineJob({
  name: "errand",
  data: z.null(),
  initial: "todo",
  statuses: { todo: { next: ["done"] }, done: { next: ["todo"], final: true } },
});
