/**
 * Rules that every driver obeys, and functions that the drivers of this package share for them.
 */

import type {
  IndexValues,
  ListedMessage,
  ListPosition,
  LiveWorkerRecord,
  OutboxRequest,
  OutboxResult,
  OutboxStorage,
  OutgoingMessage,
  QueueConsumer,
  StoreConfig,
} from "./driver.js";
import type { SentPayload } from "./status-rule.js";

/** Compares by time, then by id in byte order, like Redis. Ids are ASCII, so their code units are bytes. */
export function comparePositions(a: ListPosition, b: ListPosition): number {
  if (a.at !== b.at) return a.at - b.at;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Returns true if a job can have a lease in a status: it is not final and follows itself, or the definition does not contain it. */
export function canHaveLease({ statuses, sources, finalStatuses }: StoreConfig, status: string): boolean {
  if (!statuses.includes(status)) return true;
  return !finalStatuses.includes(status) && sources.get(status)?.includes(status) === true;
}

/**
 * Number of bytes by which a record may exceed `maxRecordBytes` after a change of its status that stores neither progress nor a result. So a
 * job at the limit can still be moved and failed.
 */
export const MAX_EXCESS_BYTES = 65_536;

/**
 * Returns the messages that a driver stores because a job entered its status. They follow the messages of the change itself.
 *
 * @param headers headers of the messages, for example of the trace
 */
export function sentMessages(
  sends: StoreConfig["sends"],
  { id, status, fields }: { readonly id: string; readonly status: string; readonly fields: IndexValues },
  headers: Readonly<Record<string, string>> = {},
): readonly OutgoingMessage[] {
  const rules = (sends.get(status) ?? []).filter(({ ifField }) => ifField === null || fields.has(ifField));
  if (rules.length === 0) return [];
  const content: SentPayload = { jobId: id, status, fields: Object.fromEntries(fields) };
  const payload = JSON.stringify(content);
  return rules.map(({ queue }) => ({ queue, id: null, payload, headers, delayMs: 0 }));
}

export type RejectedMessage = Extract<ListedMessage, { readonly kind: "rejected" }>;

/** Reads pages of an outbox until there are `limit` rejected messages or no more, because one page can contain fewer. */
export async function readRejected(outbox: Pick<OutboxStorage, "list">, limit: number) {
  const kind = "rejected";
  const found: RejectedMessage[] = [];
  let start: OutboxRequest["start"] = null;
  do {
    const page: OutboxResult = await outbox.list({ kind, start, limit: limit - found.length });
    for (const message of page.messages) if (message.kind === kind) found.push(message);
    start = page.next;
  } while (start !== null && found.length < limit);
  return found;
}

/** Time for which a queue is remembered after its last worker was alive, in milliseconds: 30 days. It can be a day shorter. */
export const CONSUMER_MS = 2_592_000_000;

/** Maximum number of ids of running jobs in the record of a worker. */
export const MAX_RUNNING = 1000;

/** Returns the statuses that live workers name, in `from` or as `working`. */
export function attendedStatuses(live: readonly LiveWorkerRecord[]): readonly string[] {
  return live.flatMap(({ from, working }) => [...from, working]);
}

/** Returns the statuses that consumers named in `from` and that no live worker names, each with the queues of these consumers. */
export function unattendedStatuses(
  live: readonly LiveWorkerRecord[],
  consumers: readonly QueueConsumer[],
): ReadonlyMap<string, readonly string[]> {
  const attended = new Set(attendedStatuses(live));
  const unattended = new Map<string, readonly string[]>();
  for (const { queue, from } of consumers) {
    for (const status of from) {
      if (!attended.has(status)) unattended.set(status, [...(unattended.get(status) ?? []), queue].sort());
    }
  }
  return unattended;
}

/** Reason of a gap in an event log: the events between are not known. */
export const OLDER_DATA =
  "the server has restarted with older data, or another server has taken over. Read the jobs again.";
/** Reason of a gap in an event log. */
export const LOG_RESET = "the event log was reset, because the server lost its data. Read the jobs again.";

/** Returns the reason of a gap in an event log. */
export function eventsRemoved(count: number): string {
  return `${count} events were removed from the event log (eventLogLength). Read the jobs again.`;
}
