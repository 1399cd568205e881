import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JobRow, JobsPage } from "../../protocol.js";
import { statusOf, sum, useStore } from "../lib/context.js";
import { counted, number, timeOfDay } from "../lib/format.js";
import { LIMITS, type ListState, listHref, listState, queryOf } from "../lib/jobs-query.js";
import { lastLine } from "../lib/live.js";
import { type Loaded, useLoaded } from "../lib/loaded.js";
import { go } from "../lib/route.js";
import { BulkBar } from "../parts/bulk-bar.js";
import { hasDialog } from "../parts/dialog.js";
import { JobFilters } from "../parts/job-filters.js";
import { JobsTable } from "../parts/jobs-table.js";
import { Content, Empty, Notice } from "../parts/notice.js";
import { JobLink, Plain, Status } from "../parts/text.js";

/** Addresses of the pages before, for the pages that were reached by "Next". */
const previous = new Map<string, string>();

export function JobsView() {
  const store = useStore();
  const state = listState();
  const query = queryOf(state);
  const selected = useSignal<ReadonlyMap<string, JobRow>>(new Map());
  const key = JSON.stringify([query, state.contains]);
  useEffect(() => {
    selected.value = new Map();
  }, [key]);
  const held = selected.value.size > 0 || hasDialog();
  const jobs = useLoaded("jobs", { store: store.key, ...query }, { held });
  return (
    <>
      <h1 tabIndex={-1}>Jobs</h1>
      <StatusTabs state={state} />
      <JobFilters key={JSON.stringify({ ...state, cursor: null, from: 0 })} state={state} />
      <Content of={jobs}>
        {(page) => {
          const rows = matching(page.items, state.contains);
          return (
            <>
              <Unreadable page={page} />
              {rows.length === 0 ? (
                <NoRows page={page} state={state} />
              ) : (
                <JobsTable rows={rows} byStatus={state.status !== null} selected={selected} />
              )}
              <Paging page={page} shown={rows.length} state={state} />
              <BulkBar selected={selected} page={page} state={state} disabled={jobs.outdated} />
              {held && <Held jobs={jobs} />}
            </>
          );
        }}
      </Content>
    </>
  );
}

/** Rows that contain a text, in any column. */
function matching(rows: readonly JobRow[], text: string): readonly JobRow[] {
  const wanted = text.toLowerCase();
  if (wanted === "") return rows;
  return rows.filter((row) =>
    [row.id, row.status, row.error, row.progress, row.data].some((each) => each?.toLowerCase().includes(wanted)),
  );
}

/** Filter by status. A number next to a status is the number of rows of its list. */
function StatusTabs({ state }: { state: ListState }) {
  const { where } = state;
  return where === null ? <StoreTabs state={state} /> : <FieldTabs state={state} where={where} />;
}

function StoreTabs({ state }: { state: ListState }) {
  return <Tabs state={state} counts={lastLine.value?.counts ?? null} />;
}

function FieldTabs({ state, where }: { state: ListState; where: NonNullable<ListState["where"]> }) {
  const store = useStore();
  const counts = useLoaded("counts", { store: store.key, where: { [where.field]: where.value } });
  return <Tabs state={state} counts={counts.outdated ? null : counts.reply} />;
}

function Tabs({ state, counts }: { state: ListState; counts: Readonly<Record<string, number>> | null }) {
  const store = useStore();
  // With a time range, the lists are shorter than the counts.
  const shown = state.after === null && state.before === null ? counts : null;
  return (
    <nav class="tabs" aria-label="Statuses">
      <ul>
        <li>
          <a href={listHref(store, state, { status: null })} aria-current={state.status === null ? "true" : undefined}>
            All {shown !== null && <span class="count">{number(sum(shown))}</span>}
          </a>
        </li>
        {store.statuses.map(({ name }) => (
          <li key={name}>
            <a
              href={listHref(store, state, { status: name })}
              aria-current={state.status === name ? "true" : undefined}
            >
              <Status name={name} /> {shown !== null && <span class="count">{number(shown[name] ?? 0)}</span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Unreadable({ page: { unreadable } }: { page: JobsPage }) {
  if (unreadable.length === 0) return null;
  return (
    <Notice kind="warning">
      <p>{counted(unreadable.length, "record")} of this page cannot be read:</p>
      <ul class="ids">
        {unreadable.map(({ id, reason }) => (
          <li key={id}>
            <JobLink id={id} /> <Plain text={reason} />
          </li>
        ))}
      </ul>
    </Notice>
  );
}

function NoRows({ page, state }: { page: JobsPage; state: ListState }) {
  const store = useStore();
  const isFiltered = state.status !== null || state.where !== null || state.after !== null || state.before !== null;
  if (state.contains !== "" && page.items.length > 0) {
    return (
      <Empty title="No row of this page contains this text.">
        <p class="muted">Other pages were not searched.</p>
      </Empty>
    );
  }
  if (page.unreadable.length > 0) return null;
  if (state.cursor !== null) return <Empty title="No more jobs." />;
  if (!isFiltered) {
    return (
      <Empty title="This store has no jobs yet.">
        <p class="muted">
          A process creates them with <code>store.create(data)</code>. They appear here at once.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title={statusOf(store, state.status ?? "")?.name ? "No job of this status matches." : "No job matches."}>
      <p>
        <a href={listHref(store, state, { status: null, where: null, after: null, before: null })}>Show all jobs</a>
      </p>
    </Empty>
  );
}

function Paging({ page, shown, state }: { page: JobsPage; shown: number; state: ListState }) {
  const store = useStore();
  const here = listHref(store, state, { cursor: state.cursor, from: state.from });
  const size = page.items.length + page.unreadable.length;
  const next =
    page.cursor === null
      ? null
      : listHref(store, state, { cursor: page.cursor, from: state.from + size, contains: "" });
  const back = previous.get(here);
  return (
    <div class="paging">
      <p class="num">
        {state.contains !== "" && `${number(shown)} of the `}
        {size > 0 && `${number(state.from + 1)}–${number(state.from + size)} `}
        {page.total !== null
          ? `${size > 0 ? "of " : ""}${counted(page.total, "job")}`
          : size > 0 && "in this time range, whose total is unknown"}
      </p>
      <label class="inline">
        Rows
        <select
          value={state.limit}
          onChange={({ currentTarget }) => go(listHref(store, state, { limit: Number(currentTarget.value) }))}
        >
          {LIMITS.map((limit) => (
            <option key={limit} value={limit}>
              {limit}
            </option>
          ))}
        </select>
      </label>
      {state.cursor !== null && <a href={listHref(store, state, { cursor: null, from: 0 })}>First page</a>}
      {back !== undefined && <a href={back}>Previous page</a>}
      {next !== null && (
        <a class="button" href={next} onClick={() => previous.set(next, here)}>
          Next page
        </a>
      )}
    </div>
  );
}

/** The list does not change while the user selects rows. */
function Held({ jobs }: { jobs: Loaded<JobsPage> }) {
  if (jobs.at === null) return null;
  return <p class="held muted">The list is held as of {timeOfDay(jobs.at)} while jobs are selected.</p>;
}
