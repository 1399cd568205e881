import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { readServerTime } from "../lib/clock.js";
import { useStore } from "../lib/context.js";
import { zone } from "../lib/format.js";
import type { ListState } from "../lib/jobs-query.js";
import { listHref } from "../lib/jobs-query.js";
import { go, href } from "../lib/route.js";
import { textOf } from "./job-dialogs.js";
import { Plain } from "./text.js";

const MINUTE = 60_000;
const RANGES = [
  { text: "15 min", ms: 15 * MINUTE },
  { text: "1 hour", ms: 60 * MINUTE },
  { text: "24 hours", ms: 24 * 60 * MINUTE },
  { text: "7 days", ms: 7 * 24 * 60 * MINUTE },
] as const;

// No input has the name of a property of a form, such as "id" or "contains": it would replace the property.

/** Search by field, id and time, and the filter of the loaded page. On a phone, a button shows and hides them. */
export function JobFilters({ state }: { state: ListState }) {
  const open = useSignal(false);
  const filtersId = useId();
  const active = countActive(state);
  return (
    <>
      <button
        type="button"
        class="button filters-button"
        aria-expanded={open.value}
        aria-controls={filtersId}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        Filters and order{active > 0 && `, ${active} set`}
      </button>
      <div id={filtersId} class={open.value ? "filters" : "filters closed"}>
        <Filters state={state} />
      </div>
    </>
  );
}

/** Returns the number of filters that differ from the default. */
function countActive({ where, contains, order, after, before }: ListState): number {
  const isSet = [where !== null, contains !== "", order !== "newest", after !== null || before !== null];
  return isSet.filter(Boolean).length;
}

function Filters({ state }: { state: ListState }) {
  const store = useStore();
  return (
    <>
      {store.fields.length > 0 && <FieldSearch state={state} />}
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          const id = textOf(new FormData(event.currentTarget), "jobId");
          if (id !== "") go(href(store.key, "job", id));
        }}
      >
        <label>
          Open a job by id
          <span class="joined">
            <input name="jobId" autoComplete="off" spellcheck={false} class="mono" />
            <button type="submit" class="button">
              Open
            </button>
          </span>
        </label>
      </form>
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          const contains = textOf(new FormData(event.currentTarget), "text");
          go(listHref(store, state, { contains }));
        }}
      >
        <label>
          Filter the loaded page only
          <span class="joined">
            <input type="search" name="text" defaultValue={state.contains} autoComplete="off" />
            <button type="submit" class="button">
              Filter
            </button>
          </span>
        </label>
      </form>
      <Order state={state} />
      <Range state={state} />
      <p class="hint">
        {store.fields.length > 0 ? (
          <>
            Searchable fields:{" "}
            {store.fields.map((field, n) => (
              <span key={field}>
                {n > 0 && ", "}
                <code>
                  <Plain text={field} />
                </code>
              </span>
            ))}
            . The definition declares them in <code>index</code>. The text filter does not search other pages.
          </>
        ) : (
          <>
            To find jobs by a value, declare a field in the definition, for example{" "}
            <code>{"index: { user: (data) => data.user }"}</code>. The text filter does not search other pages.
          </>
        )}
      </p>
    </>
  );
}

function FieldSearch({ state }: { state: ListState }) {
  const store = useStore();
  const { where } = state;
  return (
    <form
      class="filter"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const field = textOf(form, "field");
        const value = textOf(form, "value");
        go(listHref(store, state, { where: value === "" ? null : { field, value } }));
      }}
    >
      <fieldset>
        <legend>Find by field</legend>
        <span class="joined">
          <select name="field" aria-label="Field" defaultValue={where?.field ?? store.fields[0] ?? ""}>
            {store.fields.map((field) => (
              <option key={field} value={field} selected={field === where?.field}>
                {field}
              </option>
            ))}
          </select>
          <input
            name="value"
            aria-label="Value"
            defaultValue={where?.value ?? ""}
            autoComplete="off"
            spellcheck={false}
          />
          <button type="submit" class="button">
            Find
          </button>
        </span>
      </fieldset>
      {where !== null && (
        <a href={listHref(store, state, { where: null })}>
          Clear<span class="hidden"> the field</span>
        </a>
      )}
    </form>
  );
}

function Order({ state }: { state: ListState }) {
  const store = useStore();
  return (
    <label class="filter">
      Order
      <select
        value={state.order}
        onChange={({ currentTarget }) =>
          go(listHref(store, state, { order: currentTarget.value === "oldest" ? "oldest" : "newest" }))
        }
      >
        <option value="newest">Newest first</option>
        <option value="oldest">Oldest first</option>
      </select>
    </label>
  );
}

function Range({ state }: { state: ListState }) {
  const store = useStore();
  const { after, before } = state;
  const active = after !== null || before !== null;
  const open = useSignal(active);
  const formId = useId();
  return (
    <>
      <button
        type="button"
        class="button"
        aria-expanded={open.value}
        aria-controls={formId}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        Time range
      </button>
      <form
        id={formId}
        class="time-range"
        hidden={!open.value}
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          go(listHref(store, state, { after: toIso(textOf(form, "from")), before: toIso(textOf(form, "until")) }));
        }}
      >
        <fieldset>
          <legend>{state.status === null ? "Created" : "Entered the status"}</legend>
          <span class="presets">
            {RANGES.map(({ text, ms }) => (
              <button
                type="button"
                key={text}
                class="button"
                onClick={() => {
                  const now = readServerTime();
                  if (now === null) return;
                  go(listHref(store, state, { after: new Date(now - ms).toISOString(), before: null }));
                }}
              >
                Last {text}
              </button>
            ))}
          </span>
        </fieldset>
        <label>
          After, {zone(readServerTime() ?? 0)}
          <input type="datetime-local" step="1" name="from" defaultValue={toLocal(after)} />
        </label>
        <label>
          Before, {zone(readServerTime() ?? 0)}
          <input type="datetime-local" step="1" name="until" defaultValue={toLocal(before)} />
        </label>
        <button type="submit" class="button">
          Apply
        </button>
        {active && <a href={listHref(store, state, { after: null, before: null })}>Any time</a>}
      </form>
    </>
  );
}

/** Converts the value of an input, which is in the zone of the browser. */
function toIso(local: string): string | null {
  const at = Date.parse(local);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

function toLocal(iso: string | null): string {
  if (iso === null) return "";
  const at = new Date(iso);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * MINUTE);
  return local.toISOString().slice(0, 19);
}
