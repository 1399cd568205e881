import type { QueueDefinition } from "./definition.js";
import { LATEST_VERSION, lift, VERSION_HEADER, versionOf } from "./evolution.js";

/** A stored message, as an outbox hands it out. */
export interface RelayEntry {
  /** Names the entry in `ack` and `reject`. */
  readonly entryId: string;
  /** Becomes the message id. */
  readonly id: string;
  /** The name of one of the relay's queues. */
  readonly queue: string;
  /** Read by that queue's schema before it is published. */
  readonly payload: unknown;
  /** As `message` gave them. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is to be published of an entry: its payload at the queue's present version. */
export type Readable = Pick<RelayEntry, "payload" | "headers">;

/**
 * An entry may have been stored by an older release, or by a newer one whose relay is not up yet: that one is not lost on
 * this relay, which has the outbox hand it out again.
 */
export function readEntry(
  queue: QueueDefinition,
  { payload, headers }: RelayEntry,
): Readable | { readonly fault: string; readonly kind: "poisoned" | "later" } {
  const { version, users } = readVersion(headers);
  if (!Number.isInteger(version) || version < 1 || version > LATEST_VERSION) {
    return { fault: `Its header ${VERSION_HEADER} is no version.`, kind: "poisoned" };
  }
  try {
    // A copy, since an upcast may change what it is given, and the outbox may hand the same object out again.
    const lifted = version === versionOf(queue) ? { payload } : lift(queue, structuredClone(payload), version);
    if (!("fault" in lifted)) return { payload: lifted.payload, ...(users !== undefined && { headers: users }) };
    return { fault: lifted.fault, kind: version > versionOf(queue) ? "later" : "poisoned" };
  } catch {
    return { fault: "Its payload is not JSON.", kind: "poisoned" };
  }
}

/** Our own header is taken off; the others are for `publish` to judge. */
function readVersion(headers: RelayEntry["headers"]): { version: number; users: RelayEntry["headers"] } {
  if (headers?.[VERSION_HEADER] === undefined) return { version: 1, users: headers };
  const { [VERSION_HEADER]: label, ...users } = headers;
  return { version: Number(label), users };
}
