import type { ComponentChildren } from "preact";
import type { CallError } from "../lib/api.js";
import { timeOfDay } from "../lib/format.js";
import type { Loaded } from "../lib/loaded.js";

export type NoticeKind = "info" | "warning" | "problem";

const WORDS: Readonly<Record<NoticeKind, string>> = { info: "Note", warning: "Warning", problem: "Problem" };

/** Message about the state of what is shown. A word, not only the color, names its kind. */
export function Notice({ kind, children }: { kind: NoticeKind; children: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === "problem" ? "alert" : undefined}>
      <span class="kind">{WORDS[kind]}</span>
      <div>{children}</div>
    </div>
  );
}

/** Text for a place without content. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Content of a call: loading, denied, failed without content, or the content with a notice if it is old. */
export function Content<T>({ of, children }: { of: Loaded<T>; children: (reply: T) => ComponentChildren }) {
  const { reply, error } = of;
  if (error !== null && isDenied(error)) {
    return <Notice kind="problem">You may not see this. {error.message}</Notice>;
  }
  if (!of.arrived && error === null) return <p class="loading">Loading …</p>;
  return (
    <>
      {error !== null && <Failed of={of} error={error} />}
      {reply !== null && (
        <div class={of.outdated ? "content outdated" : "content"} aria-busy={of.outdated}>
          {children(reply)}
        </div>
      )}
    </>
  );
}

function Failed<T>({ of, error }: { of: Loaded<T>; error: CallError }) {
  return (
    <Notice kind="problem">
      <p>{error.message}</p>
      <p class="muted">
        {of.failingSince !== null && `It has failed since ${timeOfDay(of.failingSince)}. `}
        {of.arrived && of.at !== null && `The content below is as of ${timeOfDay(of.at)}. `}
        The page tries again by itself.{" "}
        <button type="button" class="link" onClick={of.reload}>
          Try now
        </button>
      </p>
    </Notice>
  );
}

function isDenied({ code }: CallError): boolean {
  return code === "FORBIDDEN" || code === "UNAUTHORIZED";
}
