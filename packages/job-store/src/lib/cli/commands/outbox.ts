import type { ListedEntry, OutboxEntry, OutboxKind } from "../../outbox.js";
import { limitOf, type Options } from "../arguments.js";
import { type Command, type Context, MAX_PAGE } from "../command.js";
import { type Column, count } from "../output.js";
import { EXIT, STORE_MESSAGE_COMMAND, UsageError } from "../usage.js";
import { cancel, checkCancel, checkRunNow, runNow } from "./outbox-scheduled.js";

export const outbox: Command = {
  usage: "outbox [--kind <kind>] | outbox requeue|drop|run-now|cancel <entry>...",
  options: ["rejected", "kind", "limit", "cursor", "all", "job"],
  operands: [0, Number.POSITIVE_INFINITY],
  check,
  run(context) {
    const { options } = context;
    const name = actionOf(context.operands);
    if (name === "run-now") return runNow(context);
    if (name === "cancel") return cancel(context);
    if (name !== null) return act(context, ACTIONS[name]);
    if (options.kind !== undefined) return show(context, kindOf(options.kind));
    return options.rejected === true ? showRejected(context) : summarize(context);
  },
};

/** Action on rejected messages. */
interface Action {
  readonly question: (messages: string) => string;
  /** Past participle, for the output. */
  readonly done: string;
  /** True if the action deletes messages. It is then confirmed even if each message was named. */
  readonly isDestructive: boolean;
  /** Note that is printed after the action. */
  readonly hint?: string;
  apply(context: Context, entryIds: readonly string[]): Promise<void>;
}

const ACTIONS = {
  requeue: {
    question: (messages) => `Requeue ${messages}?`,
    done: "requeued",
    isDestructive: false,
    hint: "A message that a relay still cannot publish is rejected again. Check with: outbox --rejected",
    apply: ({ store }, entryIds) => store.outbox.requeue(entryIds),
  },
  drop: {
    question: (messages) => `Drop ${messages} permanently? The jobs are not changed.`,
    done: "dropped",
    isDestructive: true,
    apply: ({ store }, entryIds) => store.outbox.ack(entryIds),
  },
} as const satisfies Record<string, Action>;

/** Returns the action that was given, or null. @throws UsageError */
function actionOf([name]: readonly string[]): keyof typeof ACTIONS | "run-now" | "cancel" | null {
  if (name === undefined) return null;
  if (name === "requeue" || name === "drop" || name === "run-now" || name === "cancel") return name;
  throw new UsageError(`Unknown action "outbox ${name}". Use outbox requeue, drop, run-now or cancel.`);
}

/** @throws UsageError */
function check(options: Options, operands: readonly string[]): void {
  const { rejected, all, kind } = options;
  const name = actionOf(operands);
  if (name !== "run-now" && options.job !== undefined) throw new UsageError("--job requires outbox run-now.");
  if (name === null) {
    if (kind !== undefined) {
      kindOf(kind);
      limitOf(options);
      if (rejected === true) throw new UsageError("--kind and --rejected cannot be combined.");
      return;
    }
    if (all === true) throw new UsageError("--all requires --kind, outbox requeue or outbox drop.");
    if (options.limit !== undefined || options.cursor !== undefined)
      throw new UsageError("--limit and --cursor require --kind.");
    return;
  }
  for (const option of ["kind", "limit", "cursor"] as const) {
    if (options[option] !== undefined) throw new UsageError(`outbox ${name} does not support --${option}.`);
  }
  if (name === "run-now" || name === "cancel") {
    if (rejected === true || all === true)
      throw new UsageError(`outbox ${name} supports neither --rejected nor --all: name the scheduled messages.`);
    if (name === "run-now") checkRunNow(options, operands.slice(1));
    else checkCancel(operands.slice(1));
    return;
  }
  if (rejected === true)
    throw new UsageError(`outbox ${name} does not support --rejected: it always applies to rejected messages.`);
  if ((operands.length === 1) === (all !== true)) {
    throw new UsageError(
      "No messages given. Use their entry ids, as outbox --rejected lists them, or --all, but not both.",
    );
  }
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
    if (output.json) output.rows(page.entries.map((entry) => ({ ...entry })));
    else rows.push(...page.entries);
    left -= page.entries.length;
    cursor = page.cursor;
  } while (cursor !== undefined && left > 0 && !signal.aborted);
  if (!output.json)
    output.rows(
      rows.map((entry) => ({ ...entry })),
      COLUMNS[kind],
    );
  if (cursor !== undefined) output.note(`There are more messages. Add --cursor ${cursor} for the next page, or --all.`);
  return EXIT.done;
}

const REJECTED_COLUMNS: readonly Column[] = [
  ["entry", ({ entryId }) => entryId],
  ["stored", ({ at }) => at],
  ["job", ({ jobId }) => jobId],
  ["queue", ({ queue }) => queue],
  ["reason", ({ reason }) => reason],
];

const NEXT_ACTIONS =
  "To publish a message after the relay was fixed: outbox requeue <entry>. If the queue name or the payload is wrong: " +
  `outbox drop <entry>, then ${STORE_MESSAGE_COMMAND}`;

async function showRejected({ store, output }: Context): Promise<number> {
  const entries = await store.outbox.rejected({ limit: MAX_PAGE });
  output.rows(
    entries.map((entry) => ({ ...entry })),
    REJECTED_COLUMNS,
  );
  if (entries.length === MAX_PAGE) {
    output.note(`Only the oldest ${MAX_PAGE} of ${await store.outbox.countRejected()} are shown.`);
  }
  if (entries.length > 0) output.note(NEXT_ACTIONS);
  return EXIT.done;
}

async function act(context: Context, action: Action): Promise<number> {
  const [, ...entryIds] = context.operands;
  return entryIds.length > 0 ? actOnNamed(context, action, entryIds) : actOnAll(context, action);
}

async function actOnNamed(context: Context, action: Action, entryIds: readonly string[]): Promise<number> {
  const { store, output, confirm } = context;
  const rejected = new Map(
    (await store.outbox.rejected({ limit: MAX_PAGE })).map((entry) => [entry.entryId, entry] as const),
  );
  const entries = [...new Set(entryIds)].flatMap((id) => rejected.get(id) ?? []);
  const unknown = entryIds.filter((id) => !rejected.has(id));
  for (const id of unknown) output.note(`No rejected message ${id} found.`);
  if (entries.length > 0) {
    if (action.isDestructive && !(await confirm(action.question(count(entries.length, "message")))))
      return EXIT.rejected;
    await actOnEntries(context, action, entries);
    if (action.hint !== undefined) output.note(action.hint);
  }
  return unknown.length > 0 ? EXIT.rejected : EXIT.done;
}

/** Processes as many messages as are rejected now. Messages that are rejected later are not processed. */
async function actOnAll(context: Context, action: Action): Promise<number> {
  const { store, output, confirm, signal } = context;
  let left = await store.outbox.countRejected();
  if (left === 0) return EXIT.done;
  if (!(await confirm(action.question(count(left, "message"))))) return EXIT.rejected;
  while (left > 0) {
    if (signal.aborted) return EXIT.rejected;
    const entries = await store.outbox.rejected({ limit: Math.min(MAX_PAGE, left) });
    if (entries.length === 0) break;
    await actOnEntries(context, action, entries);
    left -= entries.length;
  }
  if (action.hint !== undefined) output.note(action.hint);
  return EXIT.done;
}

async function actOnEntries(context: Context, action: Action, entries: readonly OutboxEntry[]): Promise<void> {
  await action.apply(
    context,
    entries.map(({ entryId }) => entryId),
  );
  for (const { entryId, jobId } of entries) {
    context.output.rows(
      [{ entryId, jobId, [action.done]: true }],
      [
        ["", () => entryId],
        ["", () => `${action.done}, job ${jobId}`],
      ],
    );
  }
}
