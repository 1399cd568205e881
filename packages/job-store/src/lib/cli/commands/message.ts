import type { OutboxMessage } from "../../outbox.js";
import type { Options } from "../arguments.js";
import { UsageError } from "../usage.js";

/** Options that say which message goes along with a change. */
export const MESSAGE_OPTIONS = ["queue", "payload", "no-message"];

/** @throws UsageError */
export function messages({ queue, payload, "no-message": none }: Options, id: string): readonly OutboxMessage[] {
  if (queue === undefined && payload === undefined) return [];
  if (none === true)
    throw new UsageError("--no-message says that none goes along, --queue and --payload that one does.");
  if (queue === undefined || payload === undefined) throw new UsageError("--queue and --payload go together.");
  try {
    return [{ queue, payload: JSON.parse(payload.replaceAll("{id}", id)) }];
  } catch {
    throw new UsageError("--payload must be JSON.");
  }
}

/**
 * A job that comes back without its message is one that no worker hears of, so that has to be meant.
 * @throws UsageError
 */
export function checkMessage({ queue, "no-message": none }: Options): void {
  if (queue !== undefined || none === true) return;
  throw new UsageError(
    "A job that comes back needs the message that asks for its work: --queue <name> --payload <json>. " +
      "Where workers look for jobs themselves, say --no-message.",
  );
}
