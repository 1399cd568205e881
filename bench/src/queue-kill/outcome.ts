import type { Entry, EntryKind } from "./journal.js";

/** Result for the messages of one library in one round. */
export interface Outcome {
  readonly confirmed: number;
  /** Number of confirmed messages that are not in the queue at the end. */
  readonly confirmedLost: number;
  /** Time of the confirm of each lost message, in ms after the kill. */
  readonly lostAtMs: readonly number[];
  /** Number of duplicates in the queue. */
  readonly storedTwice: number;
  readonly failed: number;
  /** Number of messages in the queue whose call failed without being indeterminate. */
  readonly failedYetStored: number;
  /** Number of calls that neither resolved nor rejected. */
  readonly hung: number;
  /** Time from the first reply of the broker to the first confirm, in ms. null: there was no confirm within the round. */
  readonly publishResumedMs: number | null;
  readonly handled: number;
  /** Number of messages that were not handled and are not in the queue. */
  readonly handlingLost: number;
  /** Number of handler runs that completed for a message that had already been handled. */
  readonly handledTwice: number;
  /** Time from the first reply of the broker to the first delivery, in ms. null: there was no delivery within the round. */
  readonly consumeResumedMs: number | null;
  /** Uncaught errors and unhandled rejections. Each would end a process. */
  readonly uncaught: readonly string[];
  readonly closed: boolean;
}

/** Recorded data of one library in one round. */
interface Recording {
  readonly journal: readonly Entry[];
  /** Ids of the messages in the queue of the publishers. Duplicates are listed more than once. */
  readonly published: readonly string[];
  /** Ids of the messages in the queue of the consumer. */
  readonly left: readonly string[];
  /** Number of messages that were in the queue of the consumer at the start. */
  readonly filled: number;
  readonly killedAt: number;
  /** Time of the first reply of the restarted broker, in ms since 1970. */
  readonly backAt: number;
}

/** Time after the kill in which replies of the killed broker may still arrive. */
const LATE_REPLIES_MS = 1_000;

export function outcomeOf({ journal, published, left, filled, killedAt, backAt }: Recording): Outcome {
  const entries = (kind: EntryKind) => journal.filter((entry) => entry.kind === kind);
  const all = (kind: EntryKind) => entries(kind).map(({ about }) => about);
  const resumedMs = (kind: EntryKind) => {
    const first = journal.find((entry) => entry.kind === kind && entry.at > killedAt + LATE_REPLIES_MS);
    return first === undefined ? null : Math.max(0, first.at - backAt);
  };
  const confirmed = all("confirmed");
  const failed = all("failed");
  const failures = failed.length + all("indeterminate").length;
  const stored = new Set(published);
  const lost = entries("confirmed").filter(({ about }) => !stored.has(about));
  const handled = all("handled");
  const accountedFor = new Set([...handled, ...left]);
  return {
    confirmed: confirmed.length,
    confirmedLost: lost.length,
    lostAtMs: lost.map(({ at }) => Math.round(at - killedAt)),
    storedTwice: published.length - stored.size,
    failed: failures,
    failedYetStored: failed.filter((id) => stored.has(id)).length,
    hung: all("called").length - confirmed.length - failures,
    publishResumedMs: resumedMs("confirmed"),
    handled: handled.length,
    handlingLost: filled - accountedFor.size,
    handledTwice: handled.length - new Set(handled).size,
    consumeResumedMs: resumedMs("delivered"),
    uncaught: all("uncaught"),
    closed: all("closed").length > 0,
  };
}
