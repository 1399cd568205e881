import type { Entry, Happening } from "./journal.js";

/** What became of one library's messages in one round. */
export interface Outcome {
  readonly confirmed: number;
  /** Confirmed, and not in the queue at the end. */
  readonly confirmedLost: number;
  /** For each of these, when it was confirmed: milliseconds after the kill. */
  readonly lostAtMs: readonly number[];
  /** Copies in the queue beyond the first of each message. */
  readonly storedTwice: number;
  readonly failed: number;
  /** Reported as failed without a word of doubt, and in the queue all the same. */
  readonly failedYetStored: number;
  /** Neither confirmed nor failed in the end. */
  readonly hung: number;
  /** null: not within the round. */
  readonly publishResumedMs: number | null;
  readonly handled: number;
  /** Neither handled to the end nor in the queue. */
  readonly handlingLost: number;
  /** Handlers that ran to their end for a message that had been handled to the end before. */
  readonly handledTwice: number;
  readonly consumeResumedMs: number | null;
  /** Errors and rejections that nobody caught: each ends a process. */
  readonly uncaught: readonly string[];
  readonly closed: boolean;
}

/** What is known at the end of a round. */
interface Evidence {
  readonly journal: readonly Entry[];
  /** Ids in the queue that was published to, as often as they are there. */
  readonly published: readonly string[];
  /** Ids left in the queue that was consumed. */
  readonly left: readonly string[];
  /** How many there were to consume. */
  readonly given: number;
  readonly killedAt: number;
  /** When the broker answered again. */
  readonly backAt: number;
}

/** What was on its way when the broker died may still arrive. */
const STRAGGLERS_MS = 1_000;

export function outcomeOf({ journal, published, left, given, killedAt, backAt }: Evidence): Outcome {
  const entries = (what: Happening) => journal.filter((entry) => entry.what === what);
  const all = (what: Happening) => entries(what).map(({ about }) => about);
  const resumedMs = (what: Happening) => {
    const first = journal.find((entry) => entry.what === what && entry.at > killedAt + STRAGGLERS_MS);
    return first === undefined ? null : Math.max(0, first.at - backAt);
  };
  const confirmed = all("confirmed");
  const failed = all("failed");
  const failures = failed.length + all("unsure").length;
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
    handlingLost: given - accountedFor.size,
    handledTwice: handled.length - new Set(handled).size,
    consumeResumedMs: resumedMs("delivered"),
    uncaught: all("uncaught"),
    closed: all("closed").length > 0,
  };
}
