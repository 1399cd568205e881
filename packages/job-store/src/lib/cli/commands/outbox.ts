import type { ListedEntry, OutboxKind } from "../../outbox.js";
import { limitOf, type Options } from "../arguments.js";
import { type Command, type Context, MAX_PAGE } from "../command.js";
import { type Column, count } from "../output.js";
import { EXIT, UsageError } from "../usage.js";
import { drop, requeue, showRejected } from "./outbox-rejected.js";
import { cancel, type OutboxAction, runNow } from "./outbox-scheduled.js";

export const outbox: Command = {
  usage: "outbox [--kind <kind>] | outbox requeue|drop|run-now|cancel <entry>...",
  options: ["rejected", "kind", "limit", "cursor", "all", "job"],
  operands: [0, Number.POSITIVE_INFINITY],
  check,
  run(context) {
    const { options, operands } = context;
    const action = actionOf(operands);
    if (action !== null) return action.run(context, operands.slice(1));
    if (options.kind !== undefined) return show(context, kindOf(options.kind));
    return options.rejected === true ? showRejected(context) : summarize(context);
  },
};

const ACTIONS: ReadonlyMap<string, OutboxAction> = new Map([
  ["requeue", requeue],
  ["drop", drop],
  ["run-now", runNow],
  ["cancel", cancel],
]);

/** Returns the action that was given. null: the command shows messages. @throws UsageError */
function actionOf([name]: readonly string[]): OutboxAction | null {
  if (name === undefined) return null;
  const action = ACTIONS.get(name);
  if (action !== undefined) return action;
  throw new UsageError(`Unknown action "outbox ${name}". Use outbox requeue, drop, run-now or cancel.`);
}

/** @throws UsageError */
function check(options: Options, operands: readonly string[]): void {
  const action = actionOf(operands);
  const [name, ...entryIds] = operands;
  if (action !== runNow && options.job !== undefined) throw new UsageError("--job requires outbox run-now.");
  if (action === null) {
    checkShow(options);
    return;
  }
  for (const option of ["kind", "limit", "cursor"] as const) {
    if (options[option] !== undefined) throw new UsageError(`outbox ${name} does not support --${option}.`);
  }
  action.check(options, entryIds);
}

/** @throws UsageError */
function checkShow(options: Options): void {
  const { rejected, all, kind, limit, cursor } = options;
  if (kind !== undefined) {
    kindOf(kind);
    limitOf(options);
    if (rejected === true) throw new UsageError("--kind and --rejected cannot be combined.");
    return;
  }
  if (all === true) throw new UsageError("--all requires --kind, outbox requeue or outbox drop.");
  if (limit !== undefined || cursor !== undefined) throw new UsageError("--limit and --cursor require --kind.");
}

const summaryColumns = (waitMs: number | null): readonly Column[] => [
  ["waiting", ({ waiting }) => waiting],
  ["oldest", ({ oldest }) => oldest],
  ["for", () => (waitMs === null ? null : `${Math.max(0, Math.round(waitMs / 1000))} s`)],
  ["scheduled", ({ scheduled }) => scheduled],
  ["rejected", ({ rejected }) => rejected],
];

async function summarize({ store, storage, output }: Context): Promise<number> {
  const [waiting, oldest, waitMs, scheduled, rejected] = await Promise.all([
    store.outbox.depth(),
    store.outbox.oldest(),
    storage.outbox.oldestWait(),
    store.outbox.scheduled(),
    store.outbox.countRejected(),
  ]);
  output.rows([{ waiting, oldest, scheduled, rejected }], summaryColumns(waitMs));
  if (rejected > 0) output.note(`${count(rejected, "message")} rejected. See the reasons with: outbox --rejected`);
  return EXIT.done;
}

/** @throws UsageError */
function kindOf(kind: string): OutboxKind {
  if (kind === "waiting" || kind === "scheduled" || kind === "rejected") return kind;
  throw new UsageError(`--kind must be waiting, scheduled or rejected (got "${kind}").`);
}

const MESSAGE_COLUMNS: readonly Column[] = [
  ["entry", ({ entryId }) => entryId],
  ["job", ({ jobId }) => jobId],
  ["queue", ({ queue }) => queue],
];

const COLUMNS: Readonly<Record<OutboxKind, readonly Column[]>> = {
  waiting: [...MESSAGE_COLUMNS, ["since", ({ at }) => at], ["claimed", ({ claimed }) => claimed]],
  scheduled: [...MESSAGE_COLUMNS, ["due", ({ dueAt }) => dueAt]],
  rejected: [...MESSAGE_COLUMNS, ["stored", ({ at }) => at], ["reason", ({ reason }) => reason]],
};

/** Shows messages of a kind, without claiming them. */
async function show({ store, options, output, signal }: Context, kind: OutboxKind): Promise<number> {
  let left = limitOf(options);
  let { cursor } = options;
  const rows: ListedEntry[] = [];
  do {
    const page = await store.outbox.list({ kind, cursor, limit: Math.min(MAX_PAGE, left) });
    // The columns of a table are as wide as the widest cell of all rows, so a table is printed at the end.
    if (output.json) output.rows(page.entries);
    else rows.push(...page.entries);
    left -= page.entries.length;
    cursor = page.cursor;
  } while (cursor !== undefined && left > 0 && !signal.aborted);
  if (!output.json) output.rows(rows, COLUMNS[kind]);
  if (cursor !== undefined) output.note(`There are more messages. Add --cursor ${cursor} for the next page, or --all.`);
  return EXIT.done;
}
