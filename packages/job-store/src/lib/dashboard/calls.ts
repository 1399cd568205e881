import type { JobDefinition } from "../definition.js";
import type { Where as StoreWhere } from "../types.js";
import { type Body, integerIn, oneOf, optionalText, optionalTime, textIn, whereIn } from "./body.js";
import type { CallContext } from "./context.js";
import { jobView, messageView, readJob, rowOf } from "./job-view.js";
import { durations, endings, outboxCounts, overview, workersView } from "./overview.js";
import type { CallName, Calls, JobsPage, OutboxPage, ValuePart } from "./protocol.js";
import { lettersView, queuesView } from "./queues.js";
import { DashboardError, reply } from "./reply.js";

type Reads = Exclude<CallName, "open" | "act">;

/** Calls that read one store. */
export const READS: {
  readonly [N in Reads]: (context: CallContext, body: Body) => Promise<Calls[N]["reply"]>;
} = {
  overview,
  endings,
  durations,
  jobs,
  job: (context, body) => jobView(context, textIn(body, "id", 128)),
  counts: ({ opened: { store } }, body) => store.counts({ where: toWhere(whereIn(body)) }),
  workers: workersView,
  outbox,
  queues: queuesView,
  letters: (context, body) => lettersView(context, textIn(body, "queue", 255)),
};

/** Filter of a store whose fields are not known to the compiler. The store checks it. */
export function toWhere(where: Readonly<Record<string, string>> | undefined) {
  return where as StoreWhere<JobDefinition> | undefined;
}

async function jobs({ opened: { store, clock }, values }: CallContext, body: Body): Promise<JobsPage> {
  const status = optionalText(body, "status");
  const where = toWhere(whereIn(body));
  const [after, before] = [optionalTime(body, "after"), optionalTime(body, "before")];
  const query = {
    ...{ status, where, after, before },
    order: body.order === undefined ? undefined : oneOf(body, "order", ["newest", "oldest"]),
    cursor: optionalText(body, "cursor"),
    limit: integerIn(body.limit ?? 50, "limit", 1, 500),
  };
  // An action on all jobs that match compares with this time, so it is read before the list.
  const now = await clock.now();
  const [page, counts] = await Promise.all([store.list(query), store.counts({ where })]);
  const hasRange = after !== undefined || before !== undefined;
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    items: page.items.map((job) => rowOf(job, values)),
    unreadable: page.unreadable.map(({ id, reason }) => ({ id, reason: values.reason(reason, id) })),
    cursor: page.cursor ?? null,
    total: hasRange ? null : status === undefined ? all : (counts[status] ?? 0),
    now: now.toISOString(),
  };
}

/** Number of messages on a page of the outbox. */
const MESSAGES = 50;

async function outbox({ opened: { store, clock }, values }: CallContext, body: Body): Promise<OutboxPage> {
  const kind = oneOf(body, "kind", ["waiting", "scheduled", "rejected"]);
  const now = await clock.now();
  const [page, counts] = await Promise.all([
    store.outbox.list({ kind, cursor: optionalText(body, "cursor"), limit: MESSAGES }),
    outboxCounts(store),
  ]);
  return {
    entries: page.entries.map((entry) => messageView(entry, values)),
    cursor: page.cursor ?? null,
    counts,
    now: now.toISOString(),
  };
}

/** Returns the live updates of a store. */
export function watchReply({ opened: { watch } }: CallContext, request: Request): Response {
  if (watch.isFull) {
    throw new DashboardError(503, "UNAVAILABLE", "Too many pages show live updates of this store. Close some of them.");
  }
  return reply(watch.stream(request), {
    "content-type": "application/x-ndjson; charset=utf-8",
    // A middleware that compresses, or a proxy, must not collect the lines.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
  });
}

const PARTS: readonly ValuePart[] = ["data", "progress", "result"];

/** Returns a whole value of a job as a file. */
export async function valueReply({ opened: { store }, values }: CallContext, body: Body): Promise<Response> {
  const id = textIn(body, "id", 128);
  const part = oneOf(body, "part", PARTS);
  const job = await readJob(store, id);
  if (typeof job === "string") {
    throw new DashboardError(500, "UNREADABLE_RECORD", `Job ${id} cannot be read: ${values.reason(job, id)}`);
  }
  if (job === null) throw new DashboardError(404, "NOT_FOUND", `Job ${id} does not exist.`);
  const text = JSON.stringify(values.shown(part, job[part], { jobId: id }), null, 2);
  return reply(text, {
    "content-type": "application/json; charset=utf-8",
    "content-disposition": `attachment; filename="${id}.${part}.json"`,
  });
}
