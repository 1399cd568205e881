import type { SubtitleStore } from "@showcase/contracts";

export interface OutboxCounts {
  readonly waiting: number;
  readonly scheduled: number;
  readonly rejected: number;
}

/** Counts the messages of the outbox: those to publish now, delayed ones that are not due yet, and those that cannot be published. */
export async function outboxCounts({ outbox }: SubtitleStore): Promise<OutboxCounts> {
  const [waiting, scheduled, rejected] = await Promise.all([
    outbox.depth(),
    outbox.scheduled(),
    outbox.countRejected(),
  ]);
  return { waiting, scheduled, rejected };
}
