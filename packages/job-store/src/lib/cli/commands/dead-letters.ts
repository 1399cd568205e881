import { jobOfOrigin } from "../../origin.js";
import { limitOf, type Options } from "../arguments.js";
import { BROKER_OPTIONS, checkBrokerOptions, type OpenedBroker, openBroker } from "../broker.js";
import { MAX_PAGE, type PlainCommand, type PlainContext } from "../command.js";
import { type Column, count } from "../output.js";
import type { DeadLetter } from "../queue-package.js";
import { EXIT, UsageError } from "../usage.js";

export const deadLetters: PlainCommand = {
  usage: "dead-letters list | dead-letters redrive|discard <id>... | --all",
  options: [...BROKER_OPTIONS, "limit", "all"],
  operands: [1, Number.POSITIVE_INFINITY],
  check,
  async runPlain(context) {
    const name = actionOf(context.operands);
    await using broker = await openBroker(context.options, context.env);
    const [queue = ""] = broker.queues;
    return await (name === null ? list(context, broker, queue) : act(context, broker, queue, name));
  },
};

/** Maximum number of dead letters that a broker lists. RabbitMQ cannot continue a list, so there is no cursor. */
const MAX_LISTED = 10_000;

/** Action on dead letters. */
interface Action {
  readonly question: (letters: string) => string;
  /** Past participle, for the output. */
  readonly done: string;
  /** True if the action deletes dead letters. It is then confirmed even if each one was named. */
  readonly isDestructive: boolean;
}

const ACTIONS = {
  redrive: {
    question: (letters) => `Send ${letters} to the queue again?`,
    done: "redriven",
    isDestructive: false,
  },
  discard: {
    question: (letters) => `Discard ${letters} permanently? The jobs are not changed.`,
    done: "discarded",
    isDestructive: true,
  },
} as const satisfies Record<string, Action>;

type ActionName = keyof typeof ACTIONS;

/** Returns the action that was given. null: list. @throws UsageError */
function actionOf([name]: readonly string[]): ActionName | null {
  if (name === "list") return null;
  if (name === "redrive" || name === "discard") return name;
  throw new UsageError(`Unknown action "dead-letters ${name}". Use dead-letters list, redrive or discard.`);
}

/** @throws UsageError */
function check(options: Options, operands: readonly string[]): void {
  const name = actionOf(operands);
  if (checkBrokerOptions(options).length > 1) throw new UsageError("dead-letters works on one queue at a time.");
  const [, ...ids] = operands;
  if (name === null) {
    if (ids.length > 0) throw new UsageError(`Unexpected "${ids[0]}". Usage: job-store ${deadLetters.usage}`);
    limitOf(options);
    return;
  }
  if (options.limit !== undefined) throw new UsageError(`dead-letters ${name} does not support --limit.`);
  if ((ids.length === 0) === (options.all !== true)) {
    throw new UsageError(
      "No dead letters given. Use their ids, as dead-letters list shows them, or --all, but not both.",
    );
  }
}

/** Shows the oldest dead letters. They stay in the queue. */
async function list({ options, output }: PlainContext, broker: OpenedBroker, queue: string): Promise<number> {
  const limit = Math.min(limitOf(options), MAX_LISTED);
  const letters = await broker.deadLetters(queue, limit);
  output.rows(letters.map(toRow), COLUMNS);
  if (letters.length === limit) {
    const { dead } = await broker.stats(queue);
    if (dead > limit)
      output.note(`Only the oldest ${limit} of ${dead} are shown. Add --limit or --all to see up to ${MAX_LISTED}.`);
  }
  return EXIT.done;
}

const COLUMNS: readonly Column[] = [
  ["id", ({ id }) => id],
  ["job", ({ jobId }) => jobId],
  ["attempts", ({ attempts }) => attempts],
  ["at", ({ at }) => at],
  ["reason", ({ reason }) => reason],
  ["last error", ({ errors }) => (errors as DeadLetter["errors"]).at(-1)],
];

function toRow({ id, body, origin, reason, attempts, at, publishedAt, errors }: DeadLetter) {
  return { id, jobId: jobOfOrigin(origin) ?? jobOfBody(body), reason, attempts, at, publishedAt, errors, body };
}

/** Returns the member `jobId` of a payload. Workers read it there by default. null: it has none. */
function jobOfBody(body: string): string | null {
  try {
    const payload: unknown = JSON.parse(body);
    if (typeof payload !== "object" || payload === null || !("jobId" in payload)) return null;
    return typeof payload.jobId === "string" ? payload.jobId : null;
  } catch {
    return null;
  }
}

async function act(context: PlainContext, broker: OpenedBroker, queue: string, name: ActionName): Promise<number> {
  const { operands, output, confirm } = context;
  const action = ACTIONS[name];
  const ids = [...new Set(operands.slice(1))];
  if (ids.length === 0) return actOnAll(context, broker, queue, name);
  if (action.isDestructive && !(await confirm(action.question(count(ids.length, "dead letter"))))) return EXIT.rejected;
  const changed = await broker[name](queue, { ids });
  printChanged(context, queue, name, changed);
  if (changed >= ids.length) return EXIT.done;
  output.note(
    `${count(ids.length, "id")} given, and ${changed} found among the dead letters. See them with: dead-letters list`,
  );
  return EXIT.rejected;
}

/** Processes as many dead letters as the queue has now. Messages that are dead-lettered later are not processed. */
async function actOnAll(context: PlainContext, broker: OpenedBroker, queue: string, name: ActionName): Promise<number> {
  const { confirm, signal } = context;
  const { dead } = await broker.stats(queue);
  if (dead === 0) return EXIT.done;
  if (!(await confirm(ACTIONS[name].question(count(dead, "dead letter"))))) return EXIT.rejected;
  let changed = 0;
  try {
    while (changed < dead && !signal.aborted) {
      const step = await broker[name](queue, { limit: Math.min(MAX_PAGE, dead - changed) });
      if (step === 0) break;
      changed += step;
    }
  } finally {
    printChanged(context, queue, name, changed);
  }
  return signal.aborted ? EXIT.rejected : EXIT.done;
}

function printChanged({ output }: PlainContext, queue: string, name: ActionName, changed: number): void {
  const { done } = ACTIONS[name];
  output.row({ queue, [done]: changed }, queue, `${count(changed, "dead letter")} ${done}`);
}
