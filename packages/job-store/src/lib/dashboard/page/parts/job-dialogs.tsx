import { type Signal, useSignal } from "@preact/signals";
import type { Chosen, EnteredMessage, Outcome, StatusInfo } from "../../protocol.js";
import { statusOf, useStore } from "../lib/context.js";
import { number } from "../lib/format.js";
import { go, href } from "../lib/route.js";
import { ActionDialog } from "./action-dialog.js";
import { Plain, Status } from "./text.js";

/** Jobs that an action changes, as the user chose them. */
export interface ChosenJobs {
  readonly chosen: Chosen;
  readonly count: number;
  /** Statuses of the jobs. */
  readonly statuses: readonly string[];
  /** Description for the dialog, for example "3 selected jobs". */
  readonly text: string;
}

type DoneProps = { readonly onDone?: (outcomes: readonly Outcome[]) => void };

/** Returns the statuses that all of the chosen jobs can change to. */
export function targetsOf(statuses: readonly (StatusInfo | undefined)[], of: "next" | "retryTo"): readonly string[] {
  const [first, ...rest] = statuses;
  return first?.[of].filter((target) => rest.every((status) => status?.[of].includes(target))) ?? [];
}

/** Dialog for a retry, or for a move to another status. */
export function MoveDialog({ jobs, name, onDone }: { jobs: ChosenJobs; name: "retry" | "move" } & DoneProps) {
  const store = useStore();
  const isRetry = name === "retry";
  const targets = targetsOf(
    jobs.statuses.map((status) => statusOf(store, status)),
    isRetry ? "retryTo" : "next",
  );
  const to = useSignal(targets[0] ?? "");
  const sends = useSignal<Sends>("message");
  const queues = statusOf(store, to.value)?.sends ?? [];
  const asks = isRetry && queues.length === 0;

  return (
    <ActionDialog
      title={isRetry ? `Retry ${jobs.text}` : `Move ${jobs.text}`}
      verb={isRetry ? "Retry" : "Move"}
      count={jobs.count}
      typed={"filter" in jobs.chosen}
      {...(onDone && { onDone })}
      action={(form) => {
        const note = textOf(form, "note");
        const base = { name, chosen: jobs.chosen, to: to.value, ...(note !== "" && { note }) };
        const message = asks ? messageOf(form, sends.value) : null;
        if (typeof message === "string") return message;
        return message === null ? base : { ...base, message };
      }}
    >
      {targets.length > 1 ? (
        <fieldset class="choices">
          <legend>New status</legend>
          {targets.map((target) => (
            <label key={target}>
              <input
                type="radio"
                name="to"
                checked={to.value === target}
                onChange={() => {
                  to.value = target;
                }}
              />
              <Status name={target} />
            </label>
          ))}
        </fieldset>
      ) : (
        <p>
          New status: <Status name={to.value} />
        </p>
      )}
      {queues.length > 0 && (
        <p class="muted">
          This sends a message to {queues.length === 1 ? "the queue" : "the queues"} <Plain text={queues.join(", ")} />.
        </p>
      )}
      {asks && <MessageFields sends={sends} />}
      <label class="field">
        <span>
          Note <span class="muted">(optional)</span>
        </span>
        <input name="note" maxLength={200} autoComplete="off" />
      </label>
    </ActionDialog>
  );
}

/** Dialog that confirms a deletion. */
export function DeleteDialog({ jobs, onDone }: { jobs: ChosenJobs } & DoneProps) {
  return (
    <ActionDialog
      title={`Delete ${jobs.text}`}
      verb="Delete"
      danger
      count={jobs.count}
      typed={jobs.count > 1}
      action={() => ({ name: "delete", chosen: jobs.chosen })}
      {...(onDone && { onDone })}
    >
      <p>
        {jobs.count === 1 ? "The job" : `The ${number(jobs.count)} jobs`} and the history are deleted. This cannot be
        undone. Unsent messages are still published.
      </p>
    </ActionDialog>
  );
}

/** Dialog that creates a job with the same data. */
export function CopyDialog({ id }: { id: string }) {
  const store = useStore();
  const sends = useSignal<Sends>("message");
  const asks = store.statuses.find(({ initial }) => initial)?.sends.length === 0;
  return (
    <ActionDialog
      title="Copy as a new job"
      verb="Copy"
      count={1}
      action={(form) => {
        const message = asks ? messageOf(form, sends.value) : null;
        if (typeof message === "string") return message;
        return { name: "copy", id, ...(message !== null && { message }) };
      }}
      onDone={(outcomes) => {
        const [first] = outcomes;
        if (first?.outcome === "done" && first.id !== id) go(href(store.key, "job", first.id));
      }}
    >
      <p>A new job with the same data is created in the initial status. This job stays as it is.</p>
      {asks && <MessageFields sends={sends} />}
    </ActionDialog>
  );
}

type Sends = "message" | "none";

/** Choice of a message, for a status for which the definition sends none. */
function MessageFields({ sends }: { sends: Signal<Sends> }) {
  return (
    <fieldset class="choices">
      <legend>Message</legend>
      <p class="muted">
        The definition sends none for this status. Without a message, a worker takes the job only if it looks for jobs
        by itself.
      </p>
      {(["message", "none"] as const).map((choice) => (
        <label key={choice}>
          <input
            type="radio"
            name="sends"
            checked={sends.value === choice}
            onChange={() => {
              sends.value = choice;
            }}
          />
          {choice === "message" ? "Send a message" : "No message"}
        </label>
      ))}
      {sends.value === "message" && (
        <>
          <label class="field">
            Queue
            <input name="queue" autoComplete="off" spellcheck={false} />
          </label>
          <label class="field">
            <span>
              Payload, JSON <span class="muted">({"{id}"} becomes the id of the job)</span>
            </span>
            <textarea name="payload" rows={3} spellcheck={false} class="mono" defaultValue={'{ "jobId": "{id}" }'} />
          </label>
        </>
      )}
    </fieldset>
  );
}

/** Returns the message that the user entered, null for none, or a complaint. */
function messageOf(form: FormData, sends: Sends): EnteredMessage | string | null {
  if (sends === "none") return null;
  const queue = textOf(form, "queue");
  const payload = textOf(form, "payload");
  if (queue === "") return "Enter the queue of the message, or choose “No message”.";
  return isJson(payload) ? { queue, payload } : "The payload must be JSON.";
}

export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
