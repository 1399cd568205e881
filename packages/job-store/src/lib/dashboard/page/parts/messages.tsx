import type { JobView, MessageView } from "../../protocol.js";
import { Age, Plain, Until } from "./text.js";
import { Json } from "./value.js";

/** Messages of a job that are in the outbox. */
export function Messages({ messages }: { messages: JobView["messages"] }) {
  if (messages.entries.length === 0 && messages.complete) return null;
  return (
    <section class="card" aria-label="Messages">
      <header class="card-head">
        <h2>Messages in the outbox</h2>
      </header>
      {!messages.complete && (
        <p class="pad muted">The outbox is too long to be searched completely, so messages may be missing here.</p>
      )}
      <ul class="messages">
        {messages.entries.map((message) => (
          <li key={message.entryId}>
            <p class="change">
              <span class="badge">{message.kind}</span>
              <span class="id">
                <Plain text={message.queue} />
              </span>
              <span class="muted">
                <MessageState message={message} />
              </span>
            </p>
            {message.reason !== null && (
              <p class="note">
                <Plain text={message.reason} />
              </p>
            )}
            <Payload message={message} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function MessageState({ message }: { message: MessageView }) {
  if (message.kind === "scheduled" && message.dueAt !== null) {
    return (
      <>
        due <Until at={message.dueAt} />
      </>
    );
  }
  return (
    <>
      for <Age since={message.at} />
      {message.claimed && ", claimed by a relay"}
    </>
  );
}

/** Payload, folded. */
export function Payload({ message }: { message: { readonly id: string; readonly payload: MessageView["payload"] } }) {
  return (
    <details>
      <summary>Payload</summary>
      {message.payload.cut && <p class="cut">Only the first part is shown.</p>}
      <Json text={message.payload.text} title={`Payload of ${message.id}`} />
    </details>
  );
}
