import type { StatusRule } from "../status-rule.js";
import { type Body, integerIn, listIn, objectIn, oneOf, optionalText, optionalTime, textIn, whereIn } from "./body.js";
import { chosenJobs, type Step } from "./bulk.js";
import { toWhere } from "./calls.js";
import type { ActionContext } from "./context.js";
import { copyJob, deleteJob, type JobChange, moveJob, type Result, withOutcome } from "./job-actions.js";
import type { ActionName } from "./options.js";
import type { ActionReply, Outcome, ShownJob } from "./protocol.js";
import { queueOf } from "./queues.js";
import { digestOf } from "./recent-actions.js";
import { badRequest } from "./reply.js";

type Perform = (context: ActionContext, act: Body) => Promise<ActionReply>;

/** Maximum number of jobs, entries or letters in one request. */
const MAX_CHOSEN = 500;

export const ACTIONS: Readonly<Record<ActionName, Perform>> = {
  retry: (context, act) => changeJobs(context, act, true),
  move: (context, act) => changeJobs(context, act, false),
  delete: (context, act) => onJobs(context, act, (shown) => deleteJob(context, shown)),
  copy: async (context, act) => {
    const { store, hasDefinition } = context.opened;
    if (!hasDefinition)
      throw badRequest("This dashboard does not have the definition of the store, so it cannot create jobs.");
    const { initial } = store.definition;
    const message = messageIn(act, initial, store.definition.statuses[initial]);
    return single(await copyJob(context, textIn(act, "id", 128), message));
  },
  requeue: (context, act) => onRejected(context, act, (ids) => context.opened.store.outbox.requeue(ids)),
  drop: (context, act) => onRejected(context, act, (ids) => context.opened.store.outbox.ack(ids)),
  "run-now": (context, act) =>
    onScheduled(act, (ids) => context.opened.store.outbox.reschedule(ids, { at: new Date(0) })),
  reschedule: (context, act) => {
    const at = optionalTime(act, "at");
    if (at === undefined) throw badRequest("`at` must be a time in UTC, such as 2026-12-31T18:00:00Z.");
    return onScheduled(act, (ids) => context.opened.store.outbox.reschedule(ids, { at }));
  },
  cancel: (context, act) => onScheduled(act, (ids) => context.opened.store.outbox.cancel(ids)),
  pause: async ({ opened: { store }, by }, act) => {
    const queue = textIn(act, "queue", 255);
    const options = { until: optionalTime(act, "until"), reason: optionalText(act, "reason", 1000), by };
    return single(
      await withOutcome(queue, async () => {
        await store.pauseQueue(queue, options);
        return null;
      }),
    );
  },
  resume: async ({ opened: { store }, by }, act) => {
    const queue = textIn(act, "queue", 255);
    const resume = async () => ((await store.resumeQueue(queue, { by })) ? null : moved("It is not paused."));
    return single(await withOutcome(queue, resume));
  },
  redrive: (context, act) => onLetters(context, act, "redrive"),
  discard: (context, act) => onLetters(context, act, "discard"),
};

function single(outcome: Outcome): ActionReply {
  return { outcomes: [outcome], cursor: null };
}

function moved(message: string): Result {
  return { outcome: "moved", message };
}

/** Moves jobs to another status. @param isRetry true: only from final statuses */
async function changeJobs(context: ActionContext, act: Body, isRetry: boolean): Promise<ActionReply> {
  const { statuses } = context.opened.store.definition;
  const to = oneOf(act, "to", Object.keys(statuses));
  const message = messageIn(act, to, statuses[to]);
  const note = optionalText(act, "note", 1000);
  const digest = digestOf([to, isRetry, message, note]).slice(0, 22);
  const change: JobChange = { to, isRetry, message, note, digest };
  return onJobs(context, act, (shown) => moveJob(context, shown, change));
}

/** Returns the message that the user entered. undefined: none. The status must not send a message by itself. */
function messageIn(act: Body, to: string, rule: StatusRule | undefined): JobChange["message"] {
  if (act.message === undefined || act.message === null) return undefined;
  if ((rule?.sends ?? []).length > 0) throw badRequest(`The status "${to}" sends its message by itself.`);
  const message = objectIn(act.message, "message");
  const payload = textIn(message, "payload", 500_000);
  try {
    JSON.parse(payload);
  } catch {
    throw badRequest("The payload of the message must be JSON.");
  }
  return { queue: textIn(message, "queue", 255), payload };
}

/** Number of jobs that are changed at the same time. Their calls are sent in one batch. */
const BATCH = 100;

async function onJobs(
  context: ActionContext,
  act: Body,
  change: (shown: ShownJob) => Promise<Outcome>,
): Promise<ActionReply> {
  const { jobs, outcomes, cursor }: Step = await stepOf(context, objectIn(act.chosen, "chosen"));
  const done = [...outcomes];
  for (let first = 0; first < jobs.length; first += BATCH) {
    done.push(...(await Promise.all(jobs.slice(first, first + BATCH).map(change))));
  }
  return { outcomes: done, cursor };
}

function stepOf({ opened: { store } }: ActionContext, chosen: Body): Promise<Step> | Step {
  if (chosen.jobs !== undefined) {
    const jobs = listIn(chosen, "jobs", MAX_CHOSEN).map((value) => {
      const job = objectIn(value, "jobs");
      return {
        id: textIn(job, "id", 128),
        version: integerIn(job.version, "version", 0, Number.MAX_SAFE_INTEGER),
        createdAt: optionalTime(job, "createdAt")?.toISOString(),
      };
    });
    const ids = new Set(jobs.map(({ id }) => id));
    if (ids.size < jobs.length) throw badRequest("`jobs` contains a job more than once.");
    return { jobs, outcomes: [], cursor: null };
  }
  const filter = objectIn(chosen.filter, "filter");
  const shownAt = optionalTime(chosen, "shownAt");
  if (shownAt === undefined) throw badRequest("`shownAt` must be a time.");
  return chosenJobs(store, {
    // A filter without a status would be all jobs.
    status: oneOf(filter, "status", Object.keys(store.definition.statuses)),
    where: toWhere(whereIn(filter)),
    shownAt,
    confirmed: integerIn(chosen.confirmed, "confirmed", 1, Number.MAX_SAFE_INTEGER),
    cursor: optionalText(chosen, "cursor", 200_000),
  });
}

function entryIdsIn(act: Body): readonly string[] {
  const ids = listIn(act, "entryIds", MAX_CHOSEN);
  return [...new Set(ids.map((id) => textIn({ id }, "id", 64)))];
}

/** Number of pages of rejected entries that are searched. */
const MAX_PAGES = 5;

/** Acts on those entries that are rejected. The store would also delete entries that wait. */
async function onRejected(
  { opened: { store } }: ActionContext,
  act: Body,
  change: (ids: readonly string[]) => Promise<void>,
): Promise<ActionReply> {
  const ids = entryIdsIn(act);
  const rejected = await rejectedOf(ids);
  const present = ids.filter((id) => rejected.has(id));
  const result = present.length === 0 ? null : await withOutcome("", () => change(present).then(() => null));
  return {
    outcomes: ids.map((id) =>
      result !== null && rejected.has(id) ? { ...result, id } : { id, ...moved("It is not rejected any more.") },
    ),
    cursor: null,
  };

  async function rejectedOf(wanted: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { entries, cursor: next } = await store.outbox.list({ kind: "rejected", limit: 1000, cursor });
      for (const { entryId } of entries) if (wanted.includes(entryId)) found.add(entryId);
      if (next === undefined || found.size === wanted.length) break;
      cursor = next;
    }
    return found;
  }
}

/** Acts on those entries that are scheduled. */
async function onScheduled(
  act: Body,
  change: (ids: readonly string[]) => Promise<readonly boolean[]>,
): Promise<ActionReply> {
  const ids = entryIdsIn(act);
  let changed: readonly boolean[] = [];
  const result = await withOutcome("", async () => {
    changed = await change(ids);
    return null;
  });
  const isDone = result.outcome === "done";
  return {
    outcomes: ids.map((id, n) =>
      isDone && changed[n] !== true ? { id, ...moved("It is not scheduled any more.") } : { ...result, id },
    ),
    cursor: null,
  };
}

async function onLetters(context: ActionContext, act: Body, action: "redrive" | "discard"): Promise<ActionReply> {
  const { broker, queue } = queueOf(context.source.options, textIn(act, "queue", 255));
  const ids = [...new Set(listIn(act, "ids", MAX_CHOSEN).map((id) => textIn({ id }, "id", 255)))];
  let count = 0;
  const result = await withOutcome("", async () => {
    count = await broker[action](queue, { ids });
    return null;
  });
  if (result.outcome !== "done" || count >= ids.length) {
    // Some letters may have been processed before an error.
    const outcome = result.outcome === "done" ? result : { ...result, outcome: "unknown" as const };
    return { outcomes: ids.map((id) => ({ ...outcome, id })), cursor: null };
  }
  let left: ReadonlySet<string> = new Set();
  const search = await withOutcome("", async () => {
    left = new Set((await broker.deadLetters(queue, { limit: 10_000 })).map(({ id }) => id));
    return null;
  });
  if (search.outcome !== "done") {
    return { outcomes: ids.map((id) => ({ ...search, outcome: "unknown", id })), cursor: null };
  }
  const gone: Result = count === 0 ? moved("It is no dead letter any more.") : { outcome: "done", message: null };
  const kept: Result = { outcome: "refused", message: "It was not processed. Try again." };
  return { outcomes: ids.map((id) => ({ id, ...(left.has(id) ? kept : gone) })), cursor: null };
}
