import type { CallName, Calls, ErrorReply, ValueBody, WatchLine } from "../../protocol.js";
import { setServerTime } from "./clock.js";
import { needsToken, token } from "./token.js";

/** Time after which a reply counts as lost, in milliseconds. The handler replies earlier if the store does not answer. */
const REPLY_MS = 60_000;

/** Failed call. `lost`: no reply arrived, so a change may have been made. */
export class CallError extends Error {
  readonly code: string;
  readonly lost: boolean;

  constructor(code: string, message: string, lost: boolean) {
    super(message);
    this.code = code;
    this.lost = lost;
  }
}

/**
 * Calls the handler.
 *
 * @throws CallError, or the reason of the signal
 */
export async function call<N extends CallName>(
  name: N,
  body: Calls[N]["body"],
  signal?: AbortSignal,
): Promise<Calls[N]["reply"]> {
  const limit = AbortSignal.timeout(REPLY_MS);
  const response = await send(name, body, signal === undefined ? limit : anyOf([signal, limit]), signal);
  let reply: Calls[N]["reply"];
  try {
    reply = await response.json();
  } catch {
    signal?.throwIfAborted();
    throw new CallError("NO_REPLY", "The reply of the server was incomplete.", true);
  }
  if (hasNow(reply)) setServerTime(reply.now);
  return reply;
}

/** Emits the lines of a watch until the signal aborts or the connection ends. null: an empty line, which only shows that the connection works. */
export async function* watch(store: string, signal: AbortSignal): AsyncGenerator<WatchLine | null> {
  const response = await send("watch", { store }, signal, signal);
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const parsed: WatchLine | null = line.trim() === "" ? null : JSON.parse(line);
      if (parsed !== null) setServerTime(parsed.now);
      yield parsed;
    }
  }
}

/** Returns a signal that aborts with the first of several. `AbortSignal.any` is missing in browsers that are a few years old. */
export function anyOf(signals: readonly AbortSignal[]): AbortSignal {
  const any = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) any.abort(signal.reason);
    signal.addEventListener("abort", () => any.abort(signal.reason), { signal: any.signal });
  }
  return any.signal;
}

/** Saves a whole value as a file. */
export async function download(body: ValueBody): Promise<void> {
  const response = await send("value", body, AbortSignal.timeout(REPLY_MS));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = `${body.id}-${body.part}.json`.replace(/[^\w.-]+/g, "_");
  link.click();
  URL.revokeObjectURL(url);
}

async function send(name: string, body: object, signal: AbortSignal, caller?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token.value !== null) headers.authorization = `Bearer ${token.value}`;
  let response: Response;
  try {
    // Relative, so that the page works under every path.
    response = await fetch(`?call=${name}`, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch {
    caller?.throwIfAborted();
    throw new CallError("NO_REPLY", "The server of this page does not answer.", true);
  }
  if (response.ok) return response;
  if (response.status === 401) needsToken.value = true;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<CallError> {
  try {
    const { error }: ErrorReply = await response.json();
    return new CallError(error.code, error.message, error.indeterminate === true);
  } catch {
    // A proxy replies like this if the connection behind it is lost.
    const text = `The server replied with the HTTP status ${response.status}.`;
    return new CallError("NO_REPLY", text, response.status >= 500);
  }
}

function hasNow(reply: unknown): reply is { readonly now: string } {
  return typeof reply === "object" && reply !== null && "now" in reply && typeof reply.now === "string";
}
