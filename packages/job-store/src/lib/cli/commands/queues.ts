import type { Options } from "../arguments.js";
import type { Command } from "../command.js";
import type { Column } from "../output.js";
import { EXIT, UsageError } from "../usage.js";

export const pause: Command = {
  usage: "pause <queue> [--until <time> | --for <duration>]",
  options: ["until", "for", "reason", "by"],
  operands: [1, 1],
  check: (options) => void endOf(options),
  async run({ store, options, operands: [queue = ""], output }) {
    const { reason, by = "job-store" } = options;
    await store.pauseQueue(queue, { until: endOf(options), reason, by });
    const paused = (await store.pausedQueues()).filter((one) => one.queue === queue);
    output.rows(paused, PAUSE_COLUMNS);
    if (paused.length === 0) output.note(`The queue "${queue}" is not paused, because --until has passed.`);
    return EXIT.done;
  },
};

export const resume: Command = {
  usage: "resume <queue>",
  options: ["by"],
  operands: [1, 1],
  async run({ store, options, operands: [queue = ""], output }) {
    const resumed = await store.resumeQueue(queue, { by: options.by ?? "job-store" });
    if (!resumed) {
      output.note(`The queue "${queue}" is not paused. See the paused queues with: paused`);
      return EXIT.rejected;
    }
    output.row({ queue, resumed }, queue, "resumed");
    return EXIT.done;
  },
};

export const paused: Command = {
  usage: "paused",
  options: [],
  operands: [0, 0],
  async run({ store, output }) {
    output.rows(await store.pausedQueues(), PAUSE_COLUMNS);
    return EXIT.done;
  },
};

export const workers: Command = {
  usage: "workers",
  options: [],
  operands: [0, 0],
  async run({ store, output }) {
    output.rows(await store.workers(), WORKER_COLUMNS);
    return EXIT.done;
  },
};

const WORKER_COLUMNS: readonly Column[] = [
  ...["queue", "by", "host", "pid", "version", "state"].map((name): Column => [name, (worker) => worker[name]]),
  ["running", ({ running, concurrency }) => `${(running as readonly string[]).length} of ${concurrency}`],
  ["started", ({ startedAt }) => startedAt],
  ["seen", ({ seenAt }) => seenAt],
];

const PAUSE_COLUMNS: readonly Column[] = ["queue", "since", "until", "by", "reason"].map((name) => [
  name,
  (pause) => pause[name],
]);

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Returns the end of the pause that the options describe. undefined: it has none. @throws UsageError */
function endOf({ until, for: duration }: Options): Date | undefined {
  if (until !== undefined && duration !== undefined) throw new UsageError("--until and --for cannot be combined.");
  if (until !== undefined) {
    // A date without a time zone would depend on the machine.
    const time = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(until) ? Date.parse(until) : Number.NaN;
    if (Number.isNaN(time))
      throw new UsageError(
        `--until must be a time such as 2026-12-31T18:00:00Z or 2026-12-31T18:00:00+01:00 (got "${until}").`,
      );
    return new Date(time);
  }
  if (duration === undefined) return undefined;
  const [, number = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(duration) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (!(ms > 0)) throw new UsageError(`--for must be a duration such as 90s, 30m, 4h or 2d (got "${duration}").`);
  return new Date(Date.now() + ms);
}
