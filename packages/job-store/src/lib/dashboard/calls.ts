import type { JobDefinition } from "../definition.js";
import type { Where as StoreWhere } from "../types.js";
import { type Body, integerIn, oneOf, optionalText, optionalTime, textIn, whereIn } from "./body.js";
import type { CallContext } from "./context.js";
import { jobView, rowOf } from "./job-view.js";
import { overview } from "./overview.js";
import type { CallName, Calls, JobsPage } from "./protocol.js";

type Reads = Exclude<CallName, "open" | "act">;

/** Calls that read one store. */
export const READS: {
  readonly [N in Reads]?: (context: CallContext, body: Body) => Promise<Calls[N]["reply"]>;
} = {
  overview: ({ opened }) => overview(opened.store),
  jobs,
  job: (context, body) => jobView(context, textIn(body, "id", 128)),
};

/** Filter of a store whose fields are not known to the compiler. The store checks it. */
export function toWhere(where: Readonly<Record<string, string>> | undefined) {
  return where as StoreWhere<JobDefinition> | undefined;
}

async function jobs({ opened: { store }, values }: CallContext, body: Body): Promise<JobsPage> {
  const status = optionalText(body, "status");
  const where = toWhere(whereIn(body));
  const [after, before] = [optionalTime(body, "after"), optionalTime(body, "before")];
  const query = {
    ...{ status, where, after, before },
    order: body.order === undefined ? undefined : oneOf(body, "order", ["newest", "oldest"]),
    cursor: optionalText(body, "cursor"),
    limit: integerIn(body.limit ?? 50, "limit", 1, 500),
  };
  const [page, counts] = await Promise.all([store.list(query), store.counts({ where })]);
  const hasRange = after !== undefined || before !== undefined;
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    items: page.items.map((job) => rowOf(job, values)),
    unreadable: page.unreadable,
    cursor: page.cursor ?? null,
    total: hasRange ? null : status === undefined ? all : (counts[status] ?? 0),
    now: new Date().toISOString(),
  };
}
