import { isId } from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import { JobStoreError, unreadableReason } from "../errors.js";
import type { Job } from "../job.js";
import type { ListedEntry } from "../outbox.js";
import type { Explanation } from "../worker-operations.js";
import type { CallContext } from "./context.js";
import type { DashboardJobStore, DashboardLink } from "./options.js";
import { ignoreRejection } from "./promises.js";
import type { JobRow, JobView, MessageView, ValueView } from "./protocol.js";
import type { Values } from "./values.js";

type AnyJob = Job<JobDefinition>;

/** Returns the row of a job in a list. */
export function rowOf(job: AnyJob, values: Values): JobRow {
  const about = { jobId: job.id };
  return {
    ...facts(job),
    error: values.errorLine(job.error, job.id),
    progress: job.progress === null ? null : values.line("progress", job.progress, about),
    data: values.line("data", job.data, about),
  };
}

function facts({ id, status, version, attempt, createdAt, statusAt, leasedUntil }: AnyJob) {
  return {
    ...{ id, status, version, attempt },
    createdAt: createdAt.toISOString(),
    statusAt: statusAt.toISOString(),
    leasedUntil: leasedUntil?.toISOString() ?? null,
  };
}

/** Maximum number of values of a job that are searched for ids of other jobs. */
const MAX_LINKED = 20;

/** Returns one job with its timeline, messages and explanation. null: it does not exist. */
export async function jobView(context: CallContext, id: string): Promise<JobView | null> {
  const { opened, values, source } = context;
  const { store, clock } = opened;
  const fields = Object.keys(store.definition.index ?? {});
  const now = await clock.now();
  const [job, messages, explanations, children] = await Promise.all([
    readJob(store, id),
    store.outbox.ofJob(id),
    store.explain(id),
    Promise.all(fields.map(async (field) => ({ field, counts: await store.counts({ where: { [field]: id } }) }))),
  ]);
  if (job === null) return null;
  const common = {
    messages: { entries: messages.entries.map((entry) => messageView(entry, values)), complete: messages.complete },
    explanations: (explanations ?? []).map((one) => ({ ...one, text: explanationText(one, id, values) })),
    children: children.filter(({ counts }) => Object.values(counts).some((count) => count > 0)),
    now: now.toISOString(),
  };
  if (typeof job === "string") return { ...UNREADABLE, ...common, id, unreadable: values.reason(job, id) };
  const about = { jobId: id };
  const linked = await linkedJobs(store, job, values);
  const view = (part: "data" | "progress" | "result"): ValueView => ({
    ...values.view(part, job[part], about),
    jobs: linked[part],
  });
  return {
    ...facts(job),
    ...common,
    updatedAt: job.updatedAt.toISOString(),
    expiresAt: job.expiresAt?.toISOString() ?? null,
    data: view("data"),
    progress: job.progress === null ? null : view("progress"),
    result: job.result === null ? null : view("result"),
    error: values.error(job.error, about),
    history: timeline(job, store.definition, now.getTime(), values),
    links: linksOf(job, source.options.links),
    unreadable: null,
  };
}

/** Returns the job, or the reason if its record cannot be read. null: it does not exist. */
export async function readJob(store: DashboardJobStore, id: string): Promise<AnyJob | string | null> {
  try {
    return await store.get(id);
  } catch (error) {
    if (JobStoreError.is(error, "UNREADABLE_RECORD")) return unreadableReason(id, error);
    throw error;
  }
}

const NO_TIME = new Date(0).toISOString();
const NO_VALUE: ValueView = { text: "", bytes: 0, cut: false, jobs: {} };

/** View of a record that cannot be read. */
const UNREADABLE = {
  ...{ status: "", version: 0, attempt: 0, leasedUntil: null, expiresAt: null },
  ...{ createdAt: NO_TIME, statusAt: NO_TIME, updatedAt: NO_TIME },
  ...{ data: NO_VALUE, progress: null, result: null, error: null, history: [], links: [] },
};

function timeline(
  { id, attempt, history }: AnyJob,
  { statuses }: JobDefinition,
  now: number,
  values: Values,
): JobView["history"] {
  // The history has no attempts. The newest entry belongs to the present one; each step back over a retry belongs to the one before.
  let number = attempt;
  const entries: JobView["history"][number][] = [];
  for (let n = history.length - 1; n >= 0; n--) {
    const change = history[n] as AnyJob["history"][number];
    const end = history[n + 1]?.at.getTime() ?? now;
    entries.unshift({
      status: change.to,
      at: change.at.toISOString(),
      durationMs: Math.max(0, end - change.at.getTime()),
      attempt: number,
      by: change.by ?? null,
      note: change.note === undefined ? null : noteOf(values.shown("note", change.note, { jobId: id })),
    });
    if (change.from !== null && statuses[change.from]?.final === true) number = Math.max(1, number - 1);
  }
  return entries;
}

/** Returns the text of a reason. Texts that contain a stored error are shown like errors. */
function explanationText({ code, text }: Explanation, jobId: string, values: Values): string {
  if (code !== "REJECTED" && code !== "UNREADABLE") return text;
  return values.reason(text, jobId);
}

function noteOf(shown: unknown): string | null {
  return typeof shown === "string" ? shown : null;
}

/** Returns the values of top-level properties that are ids of other jobs in this store. */
async function linkedJobs(store: DashboardJobStore, job: AnyJob, values: Values) {
  const parts = (["data", "progress", "result"] as const).map((part) => {
    const value = values.shown(part, job[part], { jobId: job.id });
    const properties = typeof value === "object" && value !== null ? Object.entries(value) : [];
    return [part, properties.filter(([, text]) => isId(text) && text !== job.id).slice(0, MAX_LINKED)] as const;
  });
  const ids = [...new Set(parts.flatMap(([, properties]) => properties.map(([, id]) => id as string)))];
  const found = await Promise.all(ids.map(async (id) => [id, (await readJob(store, id)) !== null] as const));
  const existing = new Set(found.flatMap(([id, exists]) => (exists ? [id] : [])));
  const linked = parts.map(([part, properties]) => [part, properties.filter(([, id]) => existing.has(id))] as const);
  return Object.fromEntries(linked.map(([part, properties]) => [part, Object.fromEntries(properties)])) as Record<
    "data" | "progress" | "result",
    Record<string, string>
  >;
}

/** Returns the links of the application. An error, or an address of another kind, leaves them out. */
function linksOf(job: AnyJob, links: CallContext["source"]["options"]["links"]): JobView["links"] {
  if (links === undefined) return [];
  try {
    const found: unknown = links(job);
    ignoreRejection(found);
    return Array.isArray(found) ? found.flatMap(linkOf) : [];
  } catch {
    return [];
  }
}

function linkOf(link: Partial<DashboardLink> | null | undefined): JobView["links"] {
  const { text, url } = link ?? {};
  return typeof text === "string" && isWebAddress(url) ? [{ text, url }] : [];
}

function isWebAddress(url: unknown): url is string {
  const base = "http://page/";
  if (typeof url !== "string" || !URL.canParse(url, base)) return false;
  return ["http:", "https:"].includes(new URL(url, base).protocol);
}

/** Returns a message of the outbox. */
export function messageView(entry: ListedEntry, values: Values): MessageView {
  const { entryId, kind, jobId, queue, id, at, payload } = entry;
  return {
    ...{ entryId, kind, jobId, queue, id },
    at: at.toISOString(),
    payload: values.view("payload", payload, { jobId, queue }),
    claimed: entry.kind === "waiting" && entry.claimed,
    dueAt: entry.kind === "scheduled" ? entry.dueAt.toISOString() : null,
    reason: entry.kind === "rejected" ? values.errorText(entry.reason, { jobId, queue }) : null,
  };
}
