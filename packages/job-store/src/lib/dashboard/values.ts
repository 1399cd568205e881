import { JobStoreError } from "../errors.js";
import type { DashboardOptions, ShownContext, ShownPart } from "./options.js";
import { ignoreRejection } from "./promises.js";
import type { ValueView } from "./protocol.js";
import { DashboardError, messageOf, withoutCredentials } from "./reply.js";

/** Maximum size of a value on the page, in bytes. */
const MAX_BYTES = 65_536;

/** Maximum length of a text in a row. */
const MAX_LINE = 300;

const HIDDEN = "The reason is hidden.";

/** Shows values of one request: applies `show`, and formats the result. */
export class Values {
  readonly #show: DashboardOptions["show"];
  readonly #context: Pick<ShownContext, "request" | "store">;

  constructor(show: DashboardOptions["show"], context: Pick<ShownContext, "request" | "store">) {
    this.#show = show;
    this.#context = context;
  }

  /** Returns the value without what `show` hides. @throws DashboardError if it fails */
  shown(part: ShownPart, value: unknown, about: Pick<ShownContext, "jobId" | "queue">): unknown {
    if (this.#show === undefined) return value;
    try {
      const shown = this.#show(part, value, { ...this.#context, ...about });
      ignoreRejection(shown);
      if (shown instanceof Promise) throw new TypeError("`show` must not be asynchronous.");
      // JSON only: the caller must not get a function or a Date instead of a value.
      return JSON.parse(JSON.stringify(shown ?? null) ?? "null");
    } catch {
      // The message of the error can contain the value.
      const message = "The option `show` of the dashboard failed or returned a promise, so nothing is shown.";
      throw new DashboardError(500, "INTERNAL", message);
    }
  }

  /** Returns the value as indented text, cut to a size that a page can show. */
  view(part: ShownPart, value: unknown, about: Pick<ShownContext, "jobId" | "queue">): ValueView {
    const text = JSON.stringify(this.shown(part, value, about), null, 2);
    const bytes = Buffer.from(text);
    if (bytes.length <= MAX_BYTES) return { text, bytes: bytes.length, cut: false, jobs: {} };
    // The first bytes of a character that is cut decode to U+FFFD.
    const beginning = bytes
      .subarray(0, MAX_BYTES)
      .toString("utf8")
      .replace(/\uFFFD$/, "");
    return { text: beginning, bytes: bytes.length, cut: true, jobs: {} };
  }

  /** Returns the value as the beginning of one line of JSON. */
  line(part: ShownPart, value: unknown, about: Pick<ShownContext, "jobId" | "queue">): string {
    return shorten(JSON.stringify(this.shown(part, value, about)));
  }

  /** Returns the beginning of the message of an error. null: there is no error, or it is hidden. */
  errorLine(error: unknown, jobId: string): string | null {
    const view = this.error(error, { jobId });
    return view && shorten(view.message);
  }

  /** Returns a text that describes an error, such as the reason of a rejected message. null: it is hidden. */
  errorText(text: string, about: Pick<ShownContext, "jobId" | "queue">): string | null {
    return this.error({ message: text }, about)?.message ?? null;
  }

  /** Returns a text like `errorText`, or a sentence if it is hidden. */
  reason(text: string, jobId: string): string {
    return this.errorText(text, { jobId }) ?? HIDDEN;
  }

  /** Returns the message of an error of a change. A message that can quote a value of the job is shown like an error of the job. */
  messageOf(error: unknown, jobId: string): string {
    const message = messageOf(error);
    if (!JobStoreError.is(error, "UNREADABLE_RECORD") && !JobStoreError.is(error, "INVALID_DATA")) return message;
    try {
      return this.reason(message, jobId);
    } catch {
      // The reply must contain the outcomes of all jobs, because some may have been changed.
      return HIDDEN;
    }
  }

  /** Returns the error of a job. null: there is no error, or it is hidden. */
  error(
    error: unknown,
    about: Pick<ShownContext, "jobId" | "queue">,
  ): { readonly message: string; readonly code: string | null; readonly retryable: boolean | null } | null {
    if (error === null) return null;
    const shown = this.shown("error", error, about);
    if (typeof shown === "string") return { message: shown, code: null, retryable: null };
    if (typeof shown !== "object" || shown === null) return null;
    const { message, code, retryable } = shown as Readonly<Record<string, unknown>>;
    return {
      message: typeof message === "string" ? withoutCredentials(message) : "",
      code: typeof code === "string" ? code : null,
      retryable: typeof retryable === "boolean" ? retryable : null,
    };
  }
}

/** Returns the beginning of a text, without half of a surrogate pair at its end. */
function shorten(text: string): string {
  if (text.length <= MAX_LINE) return text;
  return `${text.slice(0, MAX_LINE - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
