import type { JobDefinition } from "../../definition.js";
import type { Job } from "../../job.js";
import { integerOption, whereOf } from "../arguments.js";
import type { Command, Context } from "../command.js";
import { type Column, plain } from "../output.js";
import { EXIT } from "../usage.js";

export const get: Command = {
  usage: "get <id>...",
  options: [],
  operands: [1, Number.POSITIVE_INFINITY],
  async run({ store, operands, output }) {
    let code: number = EXIT.done;
    for (const id of operands) {
      const job = await store.get(id);
      if (job === null) {
        output.note(`Job ${id} not found.`);
        code = EXIT.rejected;
      } else if (output.json) output.rows([job]);
      else {
        const { history, ...rest } = job;
        output.rows(Object.entries(rest).map(([property, value]) => ({ property, value })));
        output.space();
        output.rows(history, HISTORY_COLUMNS);
      }
    }
    return code;
  },
};

const HISTORY_COLUMNS: readonly Column[] = ["at", "from", "to", "by", "note"].map((name) => [
  name,
  (change) => change[name],
]);

export const explain: Command = {
  usage: "explain <id>",
  options: [],
  operands: [1, 1],
  async run({ store, operands: [id = ""], output }) {
    const reasons = await store.explain(id);
    if (reasons === null) {
      output.note(`Job ${id} not found.`);
      return EXIT.rejected;
    }
    if (output.json) output.rows(reasons);
    else
      output.rows(
        reasons.flatMap(({ code, text, fix }) => [
          { code, text },
          ...(fix === null ? [] : [{ code: "", text: `→ ${fix}` }]),
        ]),
        EXPLANATION_COLUMNS,
      );
    if (reasons.length === 0) output.note(await noReason(store, id));
    return EXIT.done;
  },
};

/** Describes a job that `explain` returns no reason for. */
async function noReason(store: Context["store"], id: string): Promise<string> {
  const job = await store.get(id);
  if (job === null || store.definition.statuses[job.status]?.final !== true) {
    return "The store knows no reason: the job is about to move.";
  }
  const error = job.error === null ? "" : ` Its error: ${job.error.message}`;
  return `Job ${id} has ended: its status "${job.status}" is final.${error}`;
}

const EXPLANATION_COLUMNS: readonly Column[] = [
  ["", ({ code }) => code],
  ["", ({ text }) => text],
];

export const counts: Command = {
  usage: "counts [--where field=value]",
  options: ["where"],
  operands: [0, 0],
  check: ({ where }) => void whereOf(where),
  async run({ store, options, output }) {
    const counts = await store.counts({ where: whereOf(options.where) });
    if (output.json) output.rows([counts]);
    else output.rows(Object.entries(counts).map(([status, jobs]) => ({ status, jobs })));
    return EXIT.done;
  },
};

export const activity: Command = {
  usage: "activity",
  options: [],
  operands: [0, 0],
  async run({ store, output }) {
    const activity = await store.activity();
    if (output.json) output.rows([activity]);
    else {
      const { created, entered, timeouts } = activity;
      output.rows([
        ...Object.entries(entered).map(([status, minutes]) => toRow(`entered ${status}`, minutes)),
        toRow("created", created),
      ]);
      output.space();
      output.rows([
        { timeouts: "within the hour", jobs: timeouts.withinHour },
        { timeouts: "overdue", jobs: timeouts.overdue },
      ]);
    }
    return EXIT.done;
  },
};

/** Returns a row of numbers of jobs, from those of each of the last 60 minutes. */
function toRow(jobs: string, minutes: readonly number[]) {
  return {
    jobs,
    "last hour": total(minutes),
    "last 10 min": total(minutes.slice(-10)),
    "most in 1 min": Math.max(0, ...minutes),
  };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

export const watch: Command = {
  usage: "watch [id]",
  options: [],
  operands: [0, 1],
  async run({ store, operands: [id], output, onStoreEvent, signal }: Context) {
    let isLost = false;
    onStoreEvent(({ type, message }) => {
      // A connection is reported only after it was lost.
      if (type !== "disconnected" && !(isLost && type === "connected")) return;
      isLost = type === "disconnected";
      output.note(plain(message));
    });
    for await (const event of store.watch(id, { signal })) {
      const { type, cursor: _, ...rest } = event;
      if (output.json) output.rows([{ type, ...rest }]);
      else output.rows([{ type, ...rest }], [["", () => type], ...EVENT_COLUMNS]);
    }
    return EXIT.done;
  },
};

const EVENT_COLUMNS: readonly Column[] = [
  ["", ({ at, job }) => at ?? (job as Job<JobDefinition> | null)?.statusAt],
  ["", ({ id, job }) => id ?? (job as Job<JobDefinition> | null)?.id],
  ["", ({ to, job, progress, reason }) => to ?? (job as Job<JobDefinition> | null)?.status ?? progress ?? reason],
  ["", ({ by }) => by],
];

export const health: Command = {
  usage: "health",
  options: [],
  operands: [0, 0],
  async run({ store, options, output }) {
    const health = await store.health({ timeoutMs: integerOption(options.timeout, "timeout", 2000) });
    if (output.json) output.rows([health]);
    else {
      const { details, warnings, ...rest } = health;
      const all = { ...rest, ...details, ...Object.fromEntries(warnings.map((text, n) => [`warning ${n + 1}`, text])) };
      output.rows(Object.entries(all).map(([property, value]) => ({ property, value })));
    }
    if (health.status === "unhealthy") return EXIT.unavailable;
    return health.status === "healthy" ? EXIT.done : EXIT.rejected;
  },
};

export const audit: Command = {
  usage: "audit [--repair]",
  options: ["repair"],
  operands: [0, 0],
  async run({ store, options, output }) {
    const report = await store.audit({ repair: options.repair === true });
    output.rows([{ ...report }]);
    const left = report.missingFromIndex + report.staleInIndex - report.repaired + report.unreadable;
    return left > 0 ? EXIT.rejected : EXIT.done;
  },
};
