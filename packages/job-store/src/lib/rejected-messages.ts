import type { ListedMessage, OutboxRequest, OutboxResult, OutboxStorage } from "./driver.js";

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
