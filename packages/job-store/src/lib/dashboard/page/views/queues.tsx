import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { LettersView, QueuesView as Reply } from "../../protocol.js";
import { may, useStore } from "../lib/context.js";
import { counted, number, visible } from "../lib/format.js";
import { useLoaded } from "../lib/loaded.js";
import { href, route } from "../lib/route.js";
import { openDialog } from "../parts/dialog.js";
import { Payload } from "../parts/messages.js";
import { Content, Empty, Notice } from "../parts/notice.js";
import { ConfirmDialog } from "../parts/queue-dialogs.js";
import { SelectAll, SelectRow } from "../parts/selection.js";
import { FullTime, JobLink, Plain, Sentence } from "../parts/text.js";

export function QueuesView() {
  const store = useStore();
  const { id } = route.value;
  return id === null ? <Queues /> : <Letters queue={id} key={`${store.key}/${id}`} />;
}

function Queues() {
  const store = useStore();
  const queues = useLoaded("queues", { store: store.key }, { everyMs: 5_000, on: () => false });
  return (
    <>
      <h1 tabIndex={-1}>Queues of the broker</h1>
      <Content of={queues}>
        {(reply) => (
          <>
            {reply.health?.error != null && (
              <Notice kind="problem">
                The broker is {reply.health.status}: {reply.health.error}
              </Notice>
            )}
            {reply.health?.warnings.map((warning) => (
              <Notice kind="warning" key={warning}>
                <Sentence text={warning} />
              </Notice>
            ))}
            {reply.queues.length === 0 ? (
              <Empty title="The dashboard was given no queues." />
            ) : (
              <QueueTable reply={reply} />
            )}
          </>
        )}
      </Content>
    </>
  );
}

function QueueTable({ reply: { queues } }: { reply: Reply }) {
  const store = useStore();
  return (
    <div class="table card">
      <table class="stacked">
        <caption class="hidden">Queues</caption>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="num">
              Ready
            </th>
            <th scope="col" class="num">
              Unacknowledged
            </th>
            <th scope="col" class="num">
              Delayed
            </th>
            <th scope="col" class="num">
              Dead letters
            </th>
            <th scope="col" class="num">
              Consumers
            </th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <tr key={queue.queue}>
              <th scope="row" class="id">
                <Plain text={queue.queue} />
                {queue.error !== null && (
                  <span class="sub bad-text">
                    <Plain text={queue.error} />
                  </span>
                )}
              </th>
              {queue.error !== null ? (
                <td colSpan={5} class="num muted">
                  unknown
                </td>
              ) : (
                <>
                  <td class="num" data-label="Ready">
                    {number(queue.ready)}
                  </td>
                  <td class="num" data-label="Unacknowledged">
                    <Count of={queue.unacked} />
                  </td>
                  <td class="num" data-label="Delayed">
                    <Count of={queue.delayed} />
                  </td>
                  <td class="num" data-label="Dead letters">
                    <a href={href(store.key, "queues", queue.queue)} class={queue.dead > 0 ? "strong" : undefined}>
                      {number(queue.dead)}
                      <span class="hidden"> dead letters of {queue.queue}</span>
                    </a>
                  </td>
                  <td class="num" data-label="Consumers">
                    {number(queue.consumers)}
                  </td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Number that the broker may not know. */
function Count({ of }: { of: number | null }): ComponentChildren {
  return of === null ? <span class="muted">unknown</span> : number(of);
}

function Letters({ queue }: { queue: string }) {
  const store = useStore();
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const letters = useLoaded(
    "letters",
    { store: store.key, queue },
    { everyMs: 10_000, on: () => false, held: selected.value.size > 0 },
  );
  return (
    <>
      <p class="crumbs">
        <a href={href(store.key, "queues")}>Queues</a>
      </p>
      <h1 tabIndex={-1}>
        Dead letters of <Plain text={queue} />
      </h1>
      <Content of={letters}>
        {(reply) =>
          reply.letters.length === 0 ? (
            <Empty title="No dead letters." />
          ) : (
            <LetterTable reply={reply} queue={queue} selected={selected} />
          )
        }
      </Content>
    </>
  );
}

interface LetterProps {
  readonly reply: LettersView;
  readonly queue: string;
  readonly selected: { value: ReadonlySet<string> };
}

function LetterTable({ reply: { letters, total }, queue, selected }: LetterProps) {
  const store = useStore();
  const clear = () => {
    selected.value = new Set();
  };
  const selects = may(store, "redrive", "discard");
  const ids = [...selected.value];
  return (
    <>
      <p class="muted hint">
        {letters.length < total
          ? `The oldest ${number(letters.length)} of ${counted(total, "dead letter")}.`
          : `${counted(total, "dead letter")}, oldest first.`}
      </p>
      <div class="table card">
        <table class="stacked">
          <caption class="hidden">Dead letters</caption>
          <thead>
            <tr>
              {selects && <SelectAll ids={letters.map(({ id }) => id)} selected={selected} label="Select all rows" />}
              <th scope="col">Message</th>
              <th scope="col">Job</th>
              <th scope="col">Reason</th>
              <th scope="col" class="num">
                Attempts
              </th>
              <th scope="col">Since</th>
              <th scope="col">Payload</th>
            </tr>
          </thead>
          <tbody>
            {letters.map((letter) => (
              <tr key={letter.id}>
                {selects && (
                  <SelectRow id={letter.id} selected={selected} label={`Select the message ${visible(letter.id)}`} />
                )}
                <th scope="row" class="id">
                  <Plain text={letter.id} />
                </th>
                <td data-label="Job">
                  {letter.jobId === null ? <span class="muted">none</span> : <JobLink id={letter.jobId} />}
                </td>
                <td class="reason" data-label="Reason">
                  <Plain text={letter.reason} />
                  {letter.error !== null && (
                    <span class="sub">
                      <Plain text={letter.error} />
                    </span>
                  )}
                </td>
                <td class="num" data-label="Attempts">
                  {number(letter.attempts)}
                </td>
                <td class="time" data-label="Since">
                  {letter.at === null ? <span class="muted">unknown</span> : <FullTime at={letter.at} />}
                </td>
                <td>
                  <Payload message={letter} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {ids.length > 0 && (
        <section class="bulk" aria-label="Selected dead letters">
          <strong class="num">{number(ids.length)} selected</strong>
          {may(store, "redrive") && (
            <button
              type="button"
              class="button"
              onClick={() =>
                openDialog(
                  <ConfirmDialog
                    title={`Redrive ${counted(ids.length, "dead letter")}`}
                    verb="Redrive"
                    name={queue}
                    text="The messages go back to this queue, and a consumer handles them again from the first attempt."
                    noun="message"
                    count={ids.length}
                    act={{ name: "redrive", queue, ids }}
                    onDone={clear}
                  />,
                )
              }
            >
              Redrive …
            </button>
          )}
          {may(store, "discard") && (
            <button
              type="button"
              class="button danger-text"
              onClick={() =>
                openDialog(
                  <ConfirmDialog
                    title={`Discard ${counted(ids.length, "dead letter")}`}
                    verb="Discard"
                    name={queue}
                    text="The messages are deleted. This cannot be undone."
                    noun="message"
                    count={ids.length}
                    danger
                    act={{ name: "discard", queue, ids }}
                    onDone={clear}
                  />,
                )
              }
            >
              Discard …
            </button>
          )}
          <button type="button" class="link" onClick={clear}>
            Clear the selection
          </button>
        </section>
      )}
    </>
  );
}
