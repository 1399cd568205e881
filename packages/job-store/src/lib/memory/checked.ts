import type { EventLog, OutboxStorage } from "../driver.js";

/** One store's view of the messages that several stores share: every call checks first whether they are its own. */
export function guardedOutbox(outbox: OutboxStorage, check: () => void): OutboxStorage {
  const first = checkingFirst(check);
  return {
    claim: first((options) => outbox.claim(options)),
    waitForMore: first((ms, signal) => outbox.waitForMore(ms, signal)),
    remove: first((entryIds) => outbox.remove(entryIds)),
    setAside: first((entryIds, reason) => outbox.setAside(entryIds, reason)),
    rejected: first((limit) => outbox.rejected(limit)),
    countRejected: first(() => outbox.countRejected()),
    restore: first((entryIds) => outbox.restore(entryIds)),
    depth: first(() => outbox.depth()),
    oldest: first(() => outbox.oldest()),
    oldestWait: first(() => outbox.oldestWait()),
  };
}

/** Likewise of the events. */
export function guardedLog(log: EventLog, check: () => void): EventLog {
  const first = checkingFirst(check);
  return {
    tail: first(() => log.tail()),
    snapshot: first((id) => log.snapshot(id)),
    after: first((place, options) => log.after(place, options)),
  };
}

function checkingFirst(check: () => void) {
  return <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      check();
      return call(...args);
    };
}
