import { createHash } from "node:crypto";
import type { Body } from "./body.js";
import type { ActionReply } from "./protocol.js";
import { DashboardError } from "./reply.js";

/** Maximum number of actions that are remembered. */
const MAX_ACTIONS = 500;

/** Action that a request has performed. */
interface Recent {
  /** Digest of what was asked for, without the jobs: each step of an action names others. */
  readonly content: string;
  /** Reply to a repeated request. null: the action is performed again. */
  readonly reply: Promise<ActionReply> | null;
}

/**
 * Latest actions of this process by request id, so that a repeated request acts once, and a request id belongs to one action. An action on jobs
 * is performed again: the store compares the version of each job and the key of its changes, also with those of other processes.
 */
export class RecentActions {
  readonly #actions = new Map<string, Recent>();

  /** Performs an action, or returns the reply to an earlier request. @throws DashboardError if the request id had another action */
  async perform(
    { store, requestId, by }: { readonly store: string; readonly requestId: string; readonly by: string },
    { chosen, ...rest }: Body,
    perform: () => Promise<ActionReply>,
  ): Promise<ActionReply> {
    const id = JSON.stringify([store, requestId]);
    const content = digestOf([by, rest]);
    const earlier = this.#actions.get(id);
    if (earlier !== undefined && earlier.content !== content) throw otherAction();
    if (earlier?.reply != null) return earlier.reply;
    const reply = perform();
    this.#remember(id, { content, reply: chosen === undefined ? reply : null });
    try {
      const { outcomes } = await reply;
      const isChanged = outcomes.some(({ outcome }) => outcome === "done" || outcome === "unknown");
      const isComplete = outcomes.every(({ outcome }) => outcome === "done" || outcome === "moved");
      if (!isChanged) this.#actions.delete(id);
      else if (!isComplete) this.#remember(id, { content, reply: null });
    } catch (error) {
      this.#actions.delete(id);
      throw error;
    }
    return reply;
  }

  #remember(id: string, recent: Recent): void {
    this.#actions.set(id, recent);
    const [first] = this.#actions.keys();
    if (first !== undefined && this.#actions.size > MAX_ACTIONS) this.#actions.delete(first);
  }
}

/** Returns the SHA-256 of a JSON value, as base64url. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}

/** Returns the error for a request id that was used for another action. */
function otherAction(): DashboardError {
  const message =
    "This request id was used for another action before. Nothing was changed. Send the action with a new request id.";
  return new DashboardError(409, "CONFLICT", message);
}
