import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ActionName, MessageView, OutboxKind, OutboxPage } from "../../protocol.js";
import { readServerTime } from "../lib/clock.js";
import { may, useStore } from "../lib/context.js";
import { counted, number, visible, zone } from "../lib/format.js";
import { useLoaded } from "../lib/loaded.js";
import { href, route } from "../lib/route.js";
import { openDialog } from "../parts/dialog.js";
import { Payload } from "../parts/messages.js";
import { Content, Empty } from "../parts/notice.js";
import { ConfirmDialog, RescheduleDialog } from "../parts/queue-dialogs.js";
import { SelectAll, SelectRow } from "../parts/selection.js";
import { Age, JobLink, Plain, Time, Until } from "../parts/text.js";

const KINDS: readonly { readonly kind: OutboxKind; readonly text: string; readonly help: string }[] = [
  { kind: "waiting", text: "Waiting", help: "A relay publishes these messages as soon as it can." },
  { kind: "scheduled", text: "Scheduled", help: "These messages are published when they are due." },
  {
    kind: "rejected",
    text: "Rejected",
    help: "A relay cannot publish these messages. They are kept until they are requeued or dropped.",
  },
];

export function OutboxView() {
  const store = useStore();
  const { query } = route.value;
  const current = KINDS.find(({ kind }) => kind === query.kind) ?? KINDS[0];
  const kind = current?.kind ?? "waiting";
  const selected = useSignal<ReadonlySet<string>>(new Set());
  useEffect(() => {
    selected.value = new Set();
  }, [kind, query.cursor]);
  const outbox = useLoaded(
    "outbox",
    { store: store.key, kind, ...(query.cursor && { cursor: query.cursor }) },
    { everyMs: 5_000, held: selected.value.size > 0 },
  );
  return (
    <>
      <h1 tabIndex={-1}>Outbox</h1>
      <nav class="tabs" aria-label="Kinds of messages">
        <ul>
          {KINDS.map((each) => (
            <li key={each.kind}>
              <a
                href={href(store.key, "outbox", null, { kind: each.kind })}
                aria-current={each.kind === kind ? "true" : undefined}
              >
                {each.text}{" "}
                {outbox.reply !== null && <span class="count">{number(outbox.reply.counts[each.kind])}</span>}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <p class="muted hint">{current?.help}</p>
      <Content of={outbox}>
        {(page) =>
          page.entries.length === 0 ? (
            <Empty title={query.cursor ? "No more messages." : `No ${kind} messages.`} />
          ) : (
            <Entries page={page} kind={kind} selected={selected} />
          )
        }
      </Content>
    </>
  );
}

const ACTIONS: Readonly<Record<OutboxKind, readonly ActionName[]>> = {
  waiting: [],
  scheduled: ["run-now", "reschedule", "cancel"],
  rejected: ["requeue", "drop"],
};

interface EntriesProps {
  readonly page: OutboxPage;
  readonly kind: OutboxKind;
  readonly selected: { value: ReadonlySet<string> };
}

function Entries({ page, kind, selected }: EntriesProps) {
  const store = useStore();
  const actions = ACTIONS[kind].filter((name) => may(store, name));
  const chosen = selected.value;
  const clear = () => {
    selected.value = new Set();
  };
  const since = kind === "scheduled" ? "Due" : kind === "waiting" ? "Waits for" : "Stored for";
  const state = kind === "rejected" ? "Reason" : "State";
  return (
    <>
      <div class="table card">
        <table class="stacked">
          <caption class="hidden">Messages</caption>
          <thead>
            <tr>
              {actions.length > 0 && (
                <SelectAll
                  ids={page.entries.map(({ entryId }) => entryId)}
                  selected={selected}
                  label="Select all rows of this page"
                />
              )}
              <th scope="col">Job</th>
              <th scope="col">Queue</th>
              <th scope="col">{since}</th>
              <th scope="col" class="time wide">
                {kind === "scheduled" ? "Due at" : "Stored"}, {zone(readServerTime() ?? 0)}
              </th>
              <th scope="col">{state}</th>
              <th scope="col">Payload</th>
            </tr>
          </thead>
          <tbody>
            {page.entries.map((entry) => (
              <tr key={entry.entryId}>
                {actions.length > 0 && (
                  <SelectRow id={entry.entryId} selected={selected} label={`Select the message ${visible(entry.id)}`} />
                )}
                <th scope="row">
                  <JobLink id={entry.jobId} />
                </th>
                <td class="id" data-label="Queue">
                  <Plain text={entry.queue} />
                </td>
                <td class="num left" data-label={since}>
                  {entry.dueAt !== null ? <Until at={entry.dueAt} /> : <Age since={entry.at} />}
                </td>
                <td class="time wide">
                  <Time at={entry.dueAt ?? entry.at} />
                </td>
                <td class="reason" data-label={state}>
                  <State entry={entry} />
                </td>
                <td>
                  <Payload message={entry} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {page.cursor !== null && (
        <div class="paging">
          <a class="button" href={href(store.key, "outbox", null, { kind, cursor: page.cursor })}>
            Next page
          </a>
        </div>
      )}
      {chosen.size > 0 && (
        <section class="bulk" aria-label="Selected messages">
          <strong class="num">{number(chosen.size)} selected</strong>
          {actions.map((name) => (
            <EntryAction key={name} name={name} entryIds={[...chosen]} onDone={clear} />
          ))}
          <button type="button" class="link" onClick={clear}>
            Clear the selection
          </button>
        </section>
      )}
    </>
  );
}

function State({ entry }: { entry: MessageView }) {
  if (entry.reason !== null) return <Plain text={entry.reason} />;
  if (entry.kind === "scheduled") return <span class="muted">scheduled</span>;
  return <span class="muted">{entry.claimed ? "claimed by a relay" : "not claimed"}</span>;
}

const TEXTS: Readonly<Record<string, { verb: string; text: string; danger?: true }>> = {
  requeue: { verb: "Requeue", text: "A relay tries to publish these messages again." },
  drop: {
    verb: "Drop",
    text: "The messages are deleted without being published. A job that waits for one may never continue.",
    danger: true,
  },
  "run-now": { verb: "Send now", text: "The messages are due at once." },
  cancel: {
    verb: "Cancel the sending",
    text: "The messages are deleted without being published. A job that waits for one may never continue.",
    danger: true,
  },
};

function EntryAction({
  name,
  entryIds,
  onDone,
}: {
  name: ActionName;
  entryIds: readonly string[];
  onDone: () => void;
}) {
  const store = useStore();
  if (!may(store, name)) return null;
  if (name === "reschedule") {
    return (
      <button
        type="button"
        class="button"
        onClick={() => openDialog(<RescheduleDialog entryIds={entryIds} onDone={onDone} />)}
      >
        Reschedule …
      </button>
    );
  }
  const words = TEXTS[name];
  if (words === undefined || !(name === "requeue" || name === "drop" || name === "run-now" || name === "cancel"))
    return null;
  return (
    <button
      type="button"
      class={words.danger ? "button danger-text" : "button"}
      onClick={() =>
        openDialog(
          <ConfirmDialog
            title={`${words.verb}: ${counted(entryIds.length, "message")}`}
            verb={words.verb}
            text={words.text}
            noun="message"
            count={entryIds.length}
            danger={words.danger ?? false}
            act={{ name, entryIds }}
            onDone={onDone}
          />,
        )
      }
    >
      {words.verb} …
    </button>
  );
}
