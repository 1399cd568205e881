import { useSignal } from "@preact/signals";
import type { ValuePart, ValueView } from "../../protocol.js";
import { announce } from "../lib/announce.js";
import { CallError, download } from "../lib/api.js";
import { useStore } from "../lib/context.js";
import { bytes, visible } from "../lib/format.js";
import { JobLink, Plain } from "./text.js";

/** Value of a job as JSON, with its size, a download, and links to the jobs that it names. */
export function Value({ value, title, of }: { value: ValueView; title: string; of?: { id: string; part: ValuePart } }) {
  const store = useStore();
  const busy = useSignal(false);
  const jobs = Object.entries(value.jobs);

  async function save() {
    if (of === undefined || busy.value) return;
    busy.value = true;
    try {
      await download({ store: store.key, ...of });
    } catch (error) {
      announce(`The download failed. ${error instanceof CallError ? error.message : ""}`);
    } finally {
      busy.value = false;
    }
  }

  return (
    <section class="card" aria-label={title}>
      <header class="card-head">
        <h2>{title}</h2>
        <span class="muted num">{bytes(value.bytes)}</span>
        <span class="card-actions">
          {!value.cut && <CopyButton text={value.text} what={title} />}
          {of !== undefined && (
            <button type="button" class="button small" onClick={save} disabled={busy.value}>
              Download<span class="hidden"> {title}</span>
            </button>
          )}
        </span>
      </header>
      {value.cut && (
        <p class="cut">
          Only the first part is shown, because the value has {bytes(value.bytes)}. The download has all of it.
        </p>
      )}
      <Json text={value.text} title={title} />
      {jobs.length > 0 && (
        <dl class="facts named-jobs">
          {jobs.map(([property, id]) => (
            <div key={property}>
              <dt>
                <Plain text={property} />
              </dt>
              <dd>
                <JobLink id={id} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

/** JSON text. The region can be scrolled with the keyboard. */
export function Json({ text, title }: { text: string; title: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable with the keyboard
    <section class="json" tabIndex={0} aria-label={`${title} as JSON`}>
      <pre dir="ltr">{visible(text, { lines: true })}</pre>
    </section>
  );
}

/** Button that copies a text. Browsers offer the clipboard only to pages with TLS and on localhost. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  if (navigator.clipboard === undefined) return null;
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => announce(`${what} copied.`),
      () => announce("The browser did not allow the copy."),
    );
  return (
    <button type="button" class="button small" onClick={copy}>
      Copy<span class="hidden"> {what}</span>
    </button>
  );
}
