import type { Action, ActionReply, Outcome } from "../../protocol.js";
import { CallError, call } from "./api.js";

/** Number of jobs or entries of a selection that one call changes. It is small enough that progress is visible and a stop is quick. */
const STEP = 50;

/** Reason for which an action ended. `lost`: a reply was lost, so no further step was made. */
export type Ending =
  | { readonly kind: "finished" }
  | { readonly kind: "stopped" }
  | { readonly kind: "lost"; readonly message: string }
  | { readonly kind: "failed"; readonly message: string };

/**
 * Performs an action in steps, until nothing is left, the user stops, or a step fails.
 *
 * @param requestId id of the request of the user. Every step derives its own from it, so a repeated step acts once
 * @param onOutcomes called after each step
 */
export async function runAction(
  store: string,
  requestId: string,
  action: Action,
  onOutcomes: (outcomes: readonly Outcome[]) => void,
  stop: AbortSignal,
): Promise<Ending> {
  let step = 0;
  for (const part of partsOf(action)) {
    let act: Action | null = part;
    while (act !== null) {
      if (stop.aborted) return { kind: "stopped" };
      step += 1;
      try {
        const reply: ActionReply = await call("act", { store, requestId: `${requestId}-${step}`, act });
        onOutcomes(reply.outcomes);
        act = reply.cursor === null ? null : withCursor(part, reply.cursor);
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        const { lost, message } = error;
        if (!lost) return { kind: "failed", message };
        onOutcomes(idsOf(part).map((id) => ({ id, outcome: "unknown", message })));
        return { kind: "lost", message };
      }
    }
  }
  return { kind: "finished" };
}

/** Returns an id that no other request has. `crypto.randomUUID` is missing on pages without TLS. */
export function newRequestId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function partsOf(action: Action): readonly Action[] {
  if ("chosen" in action) {
    const { chosen } = action;
    if (!("jobs" in chosen)) return [action];
    return chunks(chosen.jobs).map((jobs) => ({ ...action, chosen: { jobs } }));
  }
  if ("entryIds" in action) return chunks(action.entryIds).map((entryIds) => ({ ...action, entryIds }));
  if ("ids" in action) return chunks(action.ids).map((ids) => ({ ...action, ids }));
  return [action];
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / STEP) }, (_, n) => items.slice(n * STEP, (n + 1) * STEP));
}

function withCursor(action: Action, cursor: string): Action {
  if (!("chosen" in action) || "jobs" in action.chosen) return action;
  return { ...action, chosen: { ...action.chosen, cursor } };
}

/** Returns the ids that a step names. A step on all jobs that match names none. */
function idsOf(action: Action): readonly string[] {
  if ("chosen" in action) return "jobs" in action.chosen ? action.chosen.jobs.map(({ id }) => id) : [];
  if ("entryIds" in action) return action.entryIds;
  if ("ids" in action) return action.ids;
  return ["queue" in action ? action.queue : action.id];
}
