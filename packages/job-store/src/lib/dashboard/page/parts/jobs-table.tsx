import type { Signal } from "@preact/signals";
import type { JobRow } from "../../protocol.js";
import { readServerTime } from "../lib/clock.js";
import { mayChangeJobs, useStore } from "../lib/context.js";
import { visible, zone } from "../lib/format.js";
import { SelectAllHeading } from "./select-all.js";
import { Age, JobLink, Status, Time } from "./text.js";

type Selected = Signal<ReadonlyMap<string, JobRow>>;

/** Rows of a list of jobs. `byStatus`: the time column is the time at which they entered the status. */
export function JobsTable({
  rows,
  byStatus,
  selected,
}: {
  rows: readonly JobRow[];
  byStatus: boolean;
  selected: Selected;
}) {
  const selects = mayChangeJobs(useStore());
  const chosen = selected.value;
  const all = rows.length > 0 && rows.every(({ id }) => chosen.has(id));
  return (
    <div class="table card">
      <table class="jobs">
        <caption class="hidden">Jobs</caption>
        <thead>
          <tr>
            {selects && (
              <SelectAllHeading
                label="Select all rows of this page"
                checked={all}
                onChange={() => {
                  selected.value = new Map(all ? [] : rows.map((row) => [row.id, row]));
                }}
              />
            )}
            <th scope="col">Job</th>
            <th scope="col" class="state">
              Status
            </th>
            <th scope="col" class="num">
              In status for
            </th>
            <th scope="col" class="time">
              {byStatus ? "Entered" : "Created"}, {zone(readServerTime() ?? 0)}
            </th>
            <th scope="col" class="detail">
              Error, progress or data
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} class={chosen.has(row.id) ? "chosen" : undefined}>
              {selects && (
                <td class="check">
                  <input
                    type="checkbox"
                    aria-label={`Select ${visible(row.id)}`}
                    checked={chosen.has(row.id)}
                    onChange={() => {
                      selected.value = toggled(chosen, row);
                    }}
                  />
                </td>
              )}
              <th scope="row">
                <JobLink id={row.id} />
              </th>
              <td class="state">
                <Status name={row.status} />
                {row.attempt > 1 && <span class="attempt">attempt {row.attempt}</span>}
              </td>
              <td class="num">
                <Age since={row.statusAt} />
              </td>
              <td class="time">
                <Time at={byStatus ? row.statusAt : row.createdAt} />
              </td>
              <td class="detail">
                <Detail row={row} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Detail({ row: { error, progress, data } }: { row: JobRow }) {
  if (error !== null) return <Line kind="error" text={error} />;
  if (progress !== null) return <Line kind="progress" text={progress} />;
  return <Line kind="data" text={data} />;
}

/** One line, cut by the width of the column. The page of the job has all of it. */
function Line({ kind, text }: { kind: "error" | "progress" | "data"; text: string }) {
  const shown = visible(text);
  return (
    <span class={`line ${kind}`} title={shown}>
      <span class="line-kind">{kind}</span> <bdi>{shown}</bdi>
    </span>
  );
}

function toggled(chosen: ReadonlyMap<string, JobRow>, row: JobRow): ReadonlyMap<string, JobRow> {
  const next = new Map(chosen);
  if (!next.delete(row.id)) next.set(row.id, row);
  return next;
}
