import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Action, Outcome } from "../../protocol.js";
import { announce } from "../lib/announce.js";
import { useStore } from "../lib/context.js";
import { counted, number } from "../lib/format.js";
import { finishedActions } from "../lib/loaded.js";
import { type Ending, newRequestId, runAction } from "../lib/run-action.js";
import { closeDialog, Dialog } from "./dialog.js";
import { Notice } from "./notice.js";
import { Plain } from "./text.js";

/** Longest list of outcomes that is shown. All of them are counted. */
const LISTED = 200;

interface Results {
  readonly counts: Readonly<Record<Outcome["outcome"], number>>;
  /** Outcomes other than done. */
  readonly others: readonly Outcome[];
}

const NONE: Results = { counts: { done: 0, moved: 0, refused: 0, unknown: 0 }, others: [] };

interface Props {
  readonly title: string;
  /** Label of the button that acts, for example "Delete". */
  readonly verb: string;
  /** True if the action destroys something. */
  readonly danger?: boolean;
  /** Number of jobs, entries or messages. */
  readonly count: number;
  /** Singular noun. @default "job" */
  readonly noun?: string;
  /** True: the user confirms by typing the number. */
  readonly typed?: boolean;
  /** Returns the action for the content of the form, or a complaint about the form. */
  readonly action: (form: FormData) => Action | string;
  readonly onDone?: (outcomes: readonly Outcome[]) => void;
  readonly children?: ComponentChildren;
}

/** Dialog for an action: a form, then its progress, then an outcome for each thing that it changed. It acts once. */
export function ActionDialog(props: Props) {
  const { title, verb, danger = false, count, noun = "job", typed = false } = props;
  const { key } = useStore();
  // The store of the time at which the dialog was opened.
  const store = useMemo(() => key, []);
  const requestId = useMemo(newRequestId, []);
  const stop = useMemo(() => new AbortController(), []);
  const form = useRef<HTMLFormElement>(null);
  const phase = useSignal<"form" | "running" | "ended">("form");
  const complaint = useSignal<string | null>(null);
  const results = useSignal(NONE);
  const ending = useSignal<Ending | null>(null);
  const entered = useSignal("");
  const stopping = useSignal(false);
  // A change of the view removes the dialog, and with it the button that stops.
  useEffect(() => () => stop.abort(), []);

  async function act() {
    // The second click of a double click arrives before the button is replaced.
    if (form.current === null || phase.value !== "form") return;
    const action = props.action(new FormData(form.current));
    if (typeof action === "string") {
      complaint.value = action;
      return;
    }
    phase.value = "running";
    const all: Outcome[] = [];
    const result = await runAction(
      store,
      requestId,
      action,
      (outcomes) => {
        all.push(...outcomes);
        results.value = add(results.value, outcomes);
      },
      stop.signal,
    );
    finishedActions.value += 1;
    if (all.length > 0) props.onDone?.(all);
    ending.value = result;
    phase.value = "ended";
    const { counts } = results.value;
    if (form.current === null) {
      if (result.kind === "stopped")
        announce(`${verb}: stopped, because the view was left. ${summary(results.value, noun)}`);
    } else if (result.kind === "finished" && counts.done === all.length && count === 1 && all.length === 1) {
      form.current.closest("dialog")?.close();
      announce(`${verb}: done.`);
    }
  }

  return (
    <Dialog title={title} busy={phase.value === "running"}>
      <form
        ref={form}
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        {phase.value === "form" && (
          <>
            {props.children}
            {typed && (
              <label class="field">
                <span>
                  Type <strong>{count}</strong> to confirm
                </span>
                <input
                  name="confirm"
                  inputMode="numeric"
                  autoComplete="off"
                  value={entered.value}
                  onInput={({ currentTarget }) => {
                    entered.value = currentTarget.value;
                  }}
                />
              </label>
            )}
            {complaint.value !== null && <Notice kind="problem">{complaint.value}</Notice>}
            <footer>
              <button type="button" class="button" onClick={closeDialog}>
                Cancel
              </button>
              <button
                type="submit"
                class={danger ? "button danger" : "button primary"}
                disabled={typed && entered.value.replace(/[,\s]/g, "") !== String(count)}
              >
                {verb}
                {count > 1 && ` ${counted(count, noun)}`}
              </button>
            </footer>
          </>
        )}
        {phase.value === "running" && (
          <>
            <RunningBar done={total(results.value)} count={count} />
            <footer>
              <button
                type="button"
                class="button"
                disabled={stopping.value}
                onClick={() => {
                  stopping.value = true;
                  stop.abort();
                }}
              >
                {stopping.value ? "Stopping …" : "Stop"}
              </button>
            </footer>
          </>
        )}
        {phase.value === "ended" && ending.value !== null && (
          <>
            <End ending={ending.value} results={results.value} count={count} noun={noun} />
            <footer>
              <button type="button" class="button primary" onClick={closeDialog}>
                Close
              </button>
            </footer>
          </>
        )}
      </form>
    </Dialog>
  );
}

function RunningBar({ done, count }: { done: number; count: number }) {
  return (
    <div class="in-progress">
      <progress value={Math.min(done, count)} max={Math.max(count, 1)} aria-label="Progress of the action" />
      <p class="num" role="status">
        {number(done)} of {number(count)}
      </p>
    </div>
  );
}

function End({ ending, results, count, noun }: { ending: Ending; results: Results; count: number; noun: string }) {
  const left = count - total(results);
  const { others } = results;
  return (
    <>
      {ending.kind === "failed" && (
        <Notice kind="problem">
          {total(results) === 0 ? "Nothing was changed. " : "The rest was not changed. "}
          {ending.message}
        </Notice>
      )}
      {ending.kind === "lost" && (
        <Notice kind="warning">
          <p>
            <strong>Outcome unknown.</strong> The reply was lost, so the change may have been made. Check before you
            repeat it.
          </p>
          <p class="muted">{ending.message}</p>
        </Notice>
      )}
      {ending.kind === "stopped" && (
        <Notice kind="info">Stopped. {left > 0 ? `${counted(left, noun)} not reached.` : ""}</Notice>
      )}
      {total(results) > 0 && (
        <p class="summary" role="status">
          {summary(results, noun)}
        </p>
      )}
      {others.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable with the keyboard
        <section class="outcomes" tabIndex={0} aria-label="Outcomes">
          <table>
            <caption class="hidden">Outcomes other than done</caption>
            <thead>
              <tr>
                <th scope="col">{noun}</th>
                <th scope="col">Outcome</th>
                <th scope="col">Reason</th>
              </tr>
            </thead>
            <tbody>
              {others.slice(0, LISTED).map(({ id, outcome, message }) => (
                <tr key={id}>
                  <th scope="row" class="id">
                    <Plain text={id} />
                  </th>
                  <td>{outcome}</td>
                  <td>
                    <Plain text={message ?? REASONS[outcome]} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {others.length > LISTED && <p class="muted">And {number(others.length - LISTED)} more.</p>}
        </section>
      )}
    </>
  );
}

const REASONS: Readonly<Record<Outcome["outcome"], string>> = {
  done: "",
  moved: "It changed after it was shown, so it stays untouched.",
  refused: "The store refused the change.",
  unknown: "The reply was lost.",
};

const total = ({ counts }: Results): number => counts.done + counts.moved + counts.refused + counts.unknown;

function add({ counts, others }: Results, outcomes: readonly Outcome[]): Results {
  const next = { ...counts };
  for (const { outcome } of outcomes) next[outcome] += 1;
  return { counts: next, others: [...others, ...outcomes.filter(({ outcome }) => outcome !== "done")] };
}

function summary(results: Results, noun: string): string {
  const { done, moved, refused, unknown } = results.counts;
  const parts = [
    `${counted(done, noun)} done`,
    ...(moved > 0 ? [`${number(moved)} moved meanwhile`] : []),
    ...(refused > 0 ? [`${number(refused)} refused`] : []),
    ...(unknown > 0 ? [`${number(unknown)} unknown`] : []),
  ];
  return `${parts.join(", ")}.`;
}
