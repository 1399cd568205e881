import type { Signal } from "@preact/signals";
import type { JobRow, JobsPage } from "../../protocol.js";
import { may, mayChangeJobs, statusOf, useStore } from "../lib/context.js";
import { counted, number } from "../lib/format.js";
import type { ListState } from "../lib/jobs-query.js";
import { openDialog } from "./dialog.js";
import { type ChosenJobs, DeleteDialog, MoveDialog, targetsOf } from "./job-dialogs.js";

interface Props {
  readonly selected: Signal<ReadonlyMap<string, JobRow>>;
  readonly page: JobsPage;
  readonly state: ListState;
  readonly disabled: boolean;
}

/** Actions on the selected jobs, and on all jobs that match. */
export function BulkBar({ selected, page, state, disabled }: Props) {
  const store = useStore();
  const rows = [...selected.value.values()];
  if (!mayChangeJobs(store)) return null;
  const clear = () => {
    selected.value = new Map();
  };
  if (rows.length > 0) {
    const jobs: ChosenJobs = {
      chosen: { jobs: rows.map(({ id, version, createdAt }) => ({ id, version, createdAt })) },
      count: rows.length,
      statuses: [...new Set(rows.map(({ status }) => status))],
      text: counted(rows.length, "selected job"),
    };
    return (
      <section class="bulk" aria-label="Selected jobs">
        <strong class="num">{number(rows.length)} selected</strong>
        <Actions jobs={jobs} disabled={disabled} onDone={clear} />
        <button type="button" class="link" onClick={clear}>
          Clear the selection
        </button>
      </section>
    );
  }
  return <AllThatMatch page={page} state={state} disabled={disabled} />;
}

function AllThatMatch({ page, state, disabled }: Omit<Props, "selected">) {
  const { status, where } = state;
  const { total } = page;
  if (total === 0 || page.items.length === 0) return null;
  if (status === null || total === null) {
    return (
      <p class="muted hint">
        To act on all jobs that match, choose a status{total === null ? " and no time range" : ""}. To act on some of
        them, select their rows.
      </p>
    );
  }
  const jobs: ChosenJobs = {
    chosen: {
      filter: { status, ...(where !== null && { where: { [where.field]: where.value } }) },
      shownAt: page.now,
      confirmed: total,
    },
    count: total,
    statuses: [status],
    text:
      where === null
        ? `all ${counted(total, "job")} in ${status}`
        : `all ${counted(total, "matching job")} in ${status}`,
  };
  return (
    <section class="bulk all" aria-label="All jobs that match">
      <span>
        All <span class="num">{number(total)}</span> that match:
      </span>
      <Actions jobs={jobs} disabled={disabled} />
    </section>
  );
}

function Actions({ jobs, disabled, onDone }: { jobs: ChosenJobs; disabled: boolean; onDone?: () => void }) {
  const store = useStore();
  const statuses = jobs.statuses.map((status) => statusOf(store, status));
  const done = onDone === undefined ? {} : { onDone };
  return (
    <>
      {may(store, "retry") && targetsOf(statuses, "retryTo").length > 0 && (
        <button
          type="button"
          class="button"
          disabled={disabled}
          onClick={() => openDialog(<MoveDialog jobs={jobs} name="retry" {...done} />)}
        >
          Retry …
        </button>
      )}
      {may(store, "move") && targetsOf(statuses, "next").length > 0 && (
        <button
          type="button"
          class="button"
          disabled={disabled}
          onClick={() => openDialog(<MoveDialog jobs={jobs} name="move" {...done} />)}
        >
          Move …
        </button>
      )}
      {may(store, "delete") && (
        <button
          type="button"
          class="button danger-text"
          disabled={disabled}
          onClick={() => openDialog(<DeleteDialog jobs={jobs} {...done} />)}
        >
          Delete …
        </button>
      )}
    </>
  );
}
