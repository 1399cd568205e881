import { useId } from "preact/hooks";
import type { Action } from "../../protocol.js";
import { readServerTime } from "../lib/clock.js";
import { zone } from "../lib/format.js";
import { ActionDialog } from "./action-dialog.js";
import { textOf } from "./job-dialogs.js";
import { Plain } from "./text.js";

/** Dialog that pauses a queue. It suggests `queues`, and a single one is filled in. */
export function PauseDialog({ queues }: { queues: readonly string[] }) {
  const list = useId();
  return (
    <ActionDialog
      title="Pause a queue"
      verb="Pause"
      count={1}
      noun="queue"
      action={(form) => {
        const name = textOf(form, "queue");
        const until = textOf(form, "until");
        const reason = textOf(form, "reason");
        if (name === "") return "Enter the name of the queue.";
        if (until !== "" && !isFuture(until)) return "Choose a time in the future.";
        return {
          name: "pause",
          queue: name,
          ...(until !== "" && { until: new Date(until).toISOString() }),
          ...(reason !== "" && { reason }),
        };
      }}
    >
      <p>No worker of this store claims a job from the queue until it is resumed. Running jobs continue.</p>
      <label class="field">
        Queue
        <input
          name="queue"
          list={list}
          defaultValue={queues.length === 1 ? queues[0] : ""}
          autoComplete="off"
          spellcheck={false}
        />
      </label>
      <datalist id={list}>
        {queues.map((queue) => (
          <option key={queue} value={queue} />
        ))}
      </datalist>
      <LocalTime name="until" label="Until" optional />
      <label class="field">
        <span>
          Reason <span class="muted">(optional)</span>
        </span>
        <input name="reason" maxLength={200} autoComplete="off" />
      </label>
    </ActionDialog>
  );
}

/** Dialog that moves scheduled messages to another time. */
export function RescheduleDialog({ entryIds, onDone }: { entryIds: readonly string[]; onDone: () => void }) {
  return (
    <ActionDialog
      onDone={onDone}
      title={entryIds.length === 1 ? "Reschedule the message" : "Reschedule messages"}
      verb="Reschedule"
      count={entryIds.length}
      noun="message"
      action={(form) => {
        const at = new Date(textOf(form, "at"));
        if (Number.isNaN(at.getTime())) return "Choose a time.";
        return { name: "reschedule", entryIds, at: at.toISOString() };
      }}
    >
      <LocalTime name="at" label="New time" />
    </ActionDialog>
  );
}

/** Dialog that confirms an action on messages, entries or queues. */
export function ConfirmDialog(props: {
  title: string;
  verb: string;
  text: string;
  name?: string;
  noun: string;
  count: number;
  danger?: boolean;
  act: Action;
  onDone?: () => void;
}) {
  const { title, verb, text, name, noun, count, danger = false, act, onDone } = props;
  return (
    <ActionDialog
      title={title}
      verb={verb}
      count={count}
      noun={noun}
      danger={danger}
      typed={danger && count > 1}
      action={() => act}
      {...(onDone && { onDone })}
    >
      {name !== undefined && (
        <p class="id">
          <Plain text={name} />
        </p>
      )}
      <p>{text}</p>
    </ActionDialog>
  );
}

/** Input for a time in the zone of the browser. The label names the zone. */
function LocalTime({ name, label, optional = false }: { name: string; label: string; optional?: boolean }) {
  return (
    <label class="field">
      <span>
        {label}, {zone(readServerTime() ?? 0)} {optional && <span class="muted">(optional)</span>}
      </span>
      <input type="datetime-local" step="1" name={name} />
    </label>
  );
}

function isFuture(local: string): boolean {
  return Date.parse(local) > (readServerTime() ?? 0);
}
