import type { OutboxEntry } from "../../outbox.js";
import type { Options } from "../arguments.js";
import type { Command, Context } from "../command.js";
import { type Column, count } from "../output.js";
import { EXIT, STORE_MESSAGE_COMMAND, UsageError } from "../usage.js";
import { MAX_PAGE } from "./jobs.js";

export const outbox: Command = {
  options: ["rejected", "all"],
  operands: [0, Number.POSITIVE_INFINITY],
  check,
  run(context) {
    const verb = verbOf(context.operands);
    if (verb !== null) return settle(context, VERBS[verb]);
    return context.options.rejected === true ? showRejected(context) : summarize(context);
  },
};

/** What can be done with messages that are set aside. */
interface Verb {
  readonly asks: (what: string) => string;
  readonly done: string;
  /** Whether it asks even where each message was named. */
  readonly destroys: boolean;
  /** What else there is to know, once it is done. */
  readonly hint?: string;
  act(context: Context, entryIds: readonly string[]): Promise<void>;
}

const VERBS = {
  requeue: {
    asks: (what) => `Hand out ${what} again?`,
    done: "requeued",
    destroys: false,
    hint: "What a relay still cannot publish is set aside again: see outbox.",
    act: ({ store }, entryIds) => store.outbox.requeue(entryIds),
  },
  drop: {
    asks: (what) => `Drop ${what} for good? The jobs stay as they are.`,
    done: "dropped",
    destroys: true,
    act: ({ store }, entryIds) => store.outbox.ack(entryIds),
  },
} as const satisfies Record<string, Verb>;

/** null: none was given. @throws UsageError */
function verbOf([verb]: readonly string[]): keyof typeof VERBS | null {
  if (verb === undefined) return null;
  if (verb === "requeue" || verb === "drop") return verb;
  throw new UsageError(`outbox does not take "${verb}", only requeue and drop.`);
}

/** @throws UsageError */
function check({ rejected, all }: Options, operands: readonly string[]): void {
  const verb = verbOf(operands);
  if (verb === null) {
    if (all === true) throw new UsageError("--all is for outbox requeue and outbox drop.");
    return;
  }
  if (rejected === true) throw new UsageError(`outbox ${verb} takes no --rejected: it is about no others.`);
  if ((operands.length === 1) === (all !== true)) {
    throw new UsageError(`Which messages? Give their entries, as outbox --rejected lists them, or --all.`);
  }
}

const summary = (waitMs: number | null): readonly Column[] => [
  ["waiting", ({ waiting }) => waiting],
  ["oldest", ({ oldest }) => oldest],
  ["for", () => (waitMs === null ? null : `${Math.max(0, Math.round(waitMs / 1000))} s`)],
  ["rejected", ({ rejected }) => rejected],
];

async function summarize({ store, storage, output }: Context): Promise<number> {
  const [waiting, oldest, waitMs, rejected] = await Promise.all([
    store.outbox.depth(),
    store.outbox.oldest(),
    storage.outbox.oldestWait(),
    store.outbox.countRejected(),
  ]);
  output.rows([{ waiting, oldest, rejected }], summary(waitMs));
  if (rejected > 0) output.note(`${count(rejected, "message")} set aside: outbox --rejected says why.`);
  return EXIT.done;
}

const REJECTED: readonly Column[] = [
  ["entry", ({ entryId }) => entryId],
  ["stored", ({ at }) => at],
  ["job", ({ jobId }) => jobId],
  ["queue", ({ queue }) => queue],
  ["reason", ({ reason }) => reason],
];

const WHAT_TO_DO =
  "Once a relay knows the queue, and its schema takes the payload: outbox requeue <entry>. Where the name or the payload " +
  `is wrong: outbox drop <entry>, and ${STORE_MESSAGE_COMMAND}.`;

async function showRejected({ store, output }: Context): Promise<number> {
  const entries = await store.outbox.rejected({ limit: MAX_PAGE });
  output.rows(
    entries.map((entry) => ({ ...entry })),
    REJECTED,
  );
  if (entries.length === MAX_PAGE) {
    output.note(`The oldest ${MAX_PAGE} of ${await store.outbox.countRejected()} are shown.`);
  }
  if (entries.length > 0) output.note(WHAT_TO_DO);
  return EXIT.done;
}

async function settle(context: Context, verb: Verb): Promise<number> {
  const [, ...named] = context.operands;
  return named.length > 0 ? settleNamed(context, verb, named) : settleAll(context, verb);
}

async function settleNamed(context: Context, verb: Verb, named: readonly string[]): Promise<number> {
  const { store, output, confirm } = context;
  const rejected = new Map(
    (await store.outbox.rejected({ limit: MAX_PAGE })).map((entry) => [entry.entryId, entry] as const),
  );
  const entries = [...new Set(named)].flatMap((id) => rejected.get(id) ?? []);
  const strangers = named.filter((id) => !rejected.has(id));
  for (const id of strangers) output.note(`No message ${id} is set aside.`);
  if (entries.length > 0) {
    if (verb.destroys && !(await confirm(verb.asks(count(entries.length, "message"))))) return EXIT.refused;
    await settleThese(context, verb, entries);
    if (verb.hint !== undefined) output.note(verb.hint);
  }
  return strangers.length > 0 ? EXIT.refused : EXIT.done;
}

/** As many as there are now: what a relay sets aside anew meanwhile stays. */
async function settleAll(context: Context, verb: Verb): Promise<number> {
  const { store, output, confirm, signal } = context;
  let left = await store.outbox.countRejected();
  if (left === 0) return EXIT.done;
  if (!(await confirm(verb.asks(count(left, "message"))))) return EXIT.refused;
  while (left > 0) {
    if (signal.aborted) return EXIT.refused;
    const entries = await store.outbox.rejected({ limit: Math.min(MAX_PAGE, left) });
    if (entries.length === 0) break;
    await settleThese(context, verb, entries);
    left -= entries.length;
  }
  if (verb.hint !== undefined) output.note(verb.hint);
  return EXIT.done;
}

async function settleThese(context: Context, verb: Verb, entries: readonly OutboxEntry[]): Promise<void> {
  await verb.act(
    context,
    entries.map(({ entryId }) => entryId),
  );
  for (const { entryId, jobId } of entries) {
    context.output.rows(
      [{ entryId, jobId, [verb.done]: true }],
      [
        ["", () => entryId],
        ["", () => `${verb.done}, of job ${jobId}`],
      ],
    );
  }
}
