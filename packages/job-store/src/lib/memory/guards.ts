import type { EventLog, OutboxStorage } from "../driver.js";
import type { MemoryOutbox } from "./memory-outbox.js";

/** Wraps the outbox for one store. Each call first checks that the driver is available and belongs to the store's definition. */
export function guardedOutbox(outbox: MemoryOutbox, check: () => void): OutboxStorage {
  const first = checkingFirst(check);
  return {
    claim: (options) => outbox.claim(options, check),
    waitForEntries: first((ms, signal) => outbox.waitForEntries(ms, signal)),
    ack: first((entryIds) => outbox.ack(entryIds)),
    reject: first((entryIds, reason) => outbox.reject(entryIds, reason)),
    rejected: first((limit) => outbox.rejected(limit)),
    list: first((request) => outbox.list(request)),
    ofJob: first((jobId, limit) => outbox.ofJob(jobId, limit)),
    reschedule: first((entryIds, at) => outbox.reschedule(entryIds, at)),
    cancel: first((entryIds) => outbox.cancel(entryIds)),
    countRejected: first(() => outbox.countRejected()),
    requeue: first((entryIds) => outbox.requeue(entryIds)),
    depth: first(() => outbox.depth()),
    scheduled: first(() => outbox.scheduled()),
    oldest: first(() => outbox.oldest()),
    oldestWait: first(() => outbox.oldestWait()),
  };
}

/** Wraps the event log for one store, with the same check. */
export function guardedLog(log: EventLog, check: () => void): EventLog {
  const first = checkingFirst(check);
  return {
    tail: first(() => log.tail()),
    snapshot: first((id) => log.snapshot(id)),
    after: first((place, options) => log.after(place, options)),
  };
}

/** Returns a function that adds the check to a call. */
function checkingFirst(check: () => void) {
  return <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      check();
      return call(...args);
    };
}
