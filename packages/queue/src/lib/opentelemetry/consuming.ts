import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { QueueDefinition } from "../definition.js";
import { QueueError } from "../errors.js";
import type { Handler, Message } from "../message.js";
import { carried } from "./propagation.js";
import type { Fate, Recorder } from "./recorder.js";

/** The same handler, at work within the trace that its message carries, or within a new one. */
export function handleTraced<Q extends QueueDefinition>(recorder: Recorder, queue: Q, handler: Handler<Q>): Handler<Q> {
  return (message) =>
    recorder.process(
      {
        queue,
        parent: carried(message.headers) ?? ROOT_CONTEXT,
        attributes: {
          "messaging.message.id": message.id,
          "subtitles.message.attempt": message.attempt,
          "subtitles.message.redelivered": message.redelivered,
        },
      },
      () => handler(message),
      (end) => fateOf(message, end),
    );
}

/** As the consumer decides it; see handling.ts. */
function fateOf(
  { signal, lastAttempt }: Pick<Message<QueueDefinition>, "signal" | "lastAttempt">,
  end: { readonly verdict: Awaited<ReturnType<Handler<QueueDefinition>>> } | { readonly error: unknown },
): Fate {
  const failed: Fate = lastAttempt ? "dead-lettered" : "retried";
  if (QueueError.is(signal.reason, "TIMEOUT")) return failed;
  if ("error" in end) return signal.aborted ? "released" : failed;
  if (end.verdict?.kind === "deadLetter") return "dead-lettered";
  return end.verdict?.kind === "retry" ? failed : "acknowledged";
}
