import type { IndexValues, OutgoingMessage, StoreConfig } from "./driver.js";
import type { SentPayload } from "./status-rule.js";

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
