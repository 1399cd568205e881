import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { JobDefinition } from "../../definition.js";
import { JobStoreError } from "../../errors.js";
import type { Job } from "../../job.js";
import { listOf } from "../arguments.js";
import type { Command } from "../command.js";
import { count } from "../output.js";
import { EXIT, STORE_MESSAGE_COMMAND } from "../usage.js";

export const exportJobs: Command = {
  usage: "export [--status <status>]",
  options: ["status"],
  operands: [0, 0],
  async run({ store, options, output, storage, fields, signal }) {
    let jobs = 0;
    for await (const job of store.scan({ status: listOf(options.status), order: "oldest", limit: 500, signal })) {
      const [values = new Map()] = fields.length === 0 ? [] : await storage.readIndexValues([job.id]);
      output.line({ ...job, fields: Object.fromEntries(values) });
      jobs++;
    }
    output.note(`${count(jobs, "job")} exported.`);
    return signal.aborted ? EXIT.rejected : EXIT.done;
  },
};

export const importJobs: Command = {
  usage: "import [file]",
  options: [],
  operands: [0, 1],
  async run({ store, save, operands: [file], output, stdin, lifecycle, signal }) {
    const input = file === undefined || file === "-" ? stdin : createReadStream(file);
    const tally = { imported: 0, present: 0, refused: 0 };
    let unfinished = 0;
    let number = 0;
    for await (const read of createInterface({ input })) {
      number++;
      // Editors and PowerShell put a byte order mark before the first line.
      const line = number === 1 ? read.replace(/^\uFEFF/, "") : read;
      if (line.trim() === "") continue;
      if (signal.aborted) break;
      try {
        const { fields, job } = readJob(line);
        if ((await store.get(job.id)) !== null) tally.present++;
        else {
          await save(job, fields);
          tally.imported++;
          if (lifecycle?.statuses[job.status]?.final === false) unfinished++;
        }
      } catch (error) {
        // Another client created the job after the check above.
        if (JobStoreError.is(error, "CONFLICT")) tally.present++;
        else if (error instanceof SyntaxError || (JobStoreError.is(error) && error.code !== "UNAVAILABLE")) {
          tally.refused++;
          output.note(`Line ${number}: ${error.message}`);
        } else throw error;
      }
    }
    output.rows([tally]);
    if (unfinished > 0) output.note(missingMessages(unfinished));
    return tally.refused > 0 || signal.aborted ? EXIT.rejected : EXIT.done;
  },
};

/** Returns the note about imported jobs without a message: outbox messages are not imported. */
function missingMessages(jobs: number): string {
  const subject = jobs === 1 ? "1 imported job is" : `${jobs} imported jobs are`;
  return `${subject} not final and ${jobs === 1 ? "has" : "have"} no outbox message. If workers need messages, use: ${STORE_MESSAGE_COMMAND}`;
}

/** Parses an exported line. Dates are text in it. `save` rejects a value that is not a job. @throws SyntaxError */
function readJob(line: string): { job: Job<JobDefinition>; fields: Readonly<Record<string, string>> } {
  const { fields, ...job } = JSON.parse(line) ?? {};
  const history = Array.isArray(job.history)
    ? job.history.map((change: { at: string }) => ({ ...change, at: new Date(change?.at) }))
    : job.history;
  const [createdAt, updatedAt, statusAt] = [job.createdAt, job.updatedAt, job.statusAt].map((at) => new Date(at));
  return { job: { ...job, history, createdAt, updatedAt, statusAt }, fields: fields ?? {} };
}
