import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { CallName, Calls, WatchLine } from "../../protocol.js";
import { CallError, call } from "./api.js";
import { readServerTime } from "./clock.js";
import { lastLine } from "./live.js";
import { hidden } from "./visibility.js";

/** Shortest time between two loads because of changes, in milliseconds: a burst of changes causes few calls. */
const SHORTEST_MS = 1_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 10_000;

/** Reply of a call that is kept up to date. */
export interface Loaded<T> {
  /** Newest reply. It is kept if a later load fails. null: none arrived, or it was null. */
  readonly reply: T | null;
  /** True if a reply arrived. */
  readonly arrived: boolean;
  /** Error of the last load. */
  readonly error: CallError | null;
  /** Time of the server at which the reply arrived. */
  readonly at: number | null;
  /** Time of the server of the first of the failed loads since then. */
  readonly failingSince: number | null;
  /** True if the reply belongs to an earlier body. */
  readonly outdated: boolean;
  /** Loads again, at once. */
  reload(): void;
}

export interface LoadOptions {
  /** Returns true if a line of the watch concerns this reply. @default every line that names a change */
  readonly on?: (line: WatchLine) => boolean;
  /** Time between two loads without a change, in milliseconds. @default 15 seconds */
  readonly everyMs?: number;
  /** True: the reply stays as it is, for example while rows are selected. */
  readonly held?: boolean;
}

/** Counts finished actions. Every shown reply is loaded again after an action. */
export const finishedActions = signal(0);

const isChange = ({ changed }: WatchLine) => changed === null || changed.length > 0;

/** Loads the reply of a call, and loads it again after changes while the tab is visible. */
export function useLoaded<N extends CallName>(
  name: N,
  body: Calls[N]["body"],
  { on = isChange, everyMs = 15_000, held = false }: LoadOptions = {},
): Loaded<Calls[N]["reply"]> {
  const key = JSON.stringify([name, body]);
  const loader = useMemo(() => new Loader<N>(name), [name]);
  loader.body = body;
  loader.concerns = on;
  loader.everyMs = everyMs;
  loader.held = held;
  useEffect(() => loader.start(), [loader, key]);
  const state = loader.state.value;
  return { ...state, outdated: state.key !== key, reload: loader.reload };
}

interface State<T> extends Omit<Loaded<T>, "reload" | "outdated"> {
  readonly key: string | null;
}

class Loader<N extends CallName> {
  readonly state: Signal<State<Calls[N]["reply"]>>;
  body!: Calls[N]["body"];
  concerns: (line: WatchLine) => boolean = isChange;
  everyMs = 15_000;
  held = false;
  readonly #name: N;
  #running: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastStart = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  #again = false;
  #failures = 0;

  constructor(name: N) {
    this.#name = name;
    this.state = signal({ reply: null, arrived: false, error: null, at: null, failingSince: null, key: null });
  }

  /** Loads now and after changes, until the returned function is called. */
  start(): () => void {
    this.#running?.abort();
    this.#running = null;
    this.#failures = 0;
    this.#lastStart = Number.NEGATIVE_INFINITY;
    let isFirst = true;
    const ignoresFirst = (act: () => void) => () => {
      if (!isFirst) act();
    };
    const stops = [
      hidden.subscribe((isHidden) => {
        if (isHidden) this.#stop();
        else this.reload();
      }),
      lastLine.subscribe((line) => {
        if (!isFirst && line !== null && this.concerns(line)) this.#soon();
      }),
      finishedActions.subscribe(ignoresFirst(() => this.reload())),
    ];
    isFirst = false;
    return () => {
      for (const stop of stops) stop();
      this.#stop();
    };
  }

  readonly reload = (): void => {
    this.#lastStart = Number.NEGATIVE_INFINITY;
    if (this.#running !== null) this.#again = true;
    else void this.#load();
  };

  #stop(): void {
    this.#running?.abort();
    this.#running = null;
    this.#again = false;
    clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  /** Loads after a change, but not sooner than the shortest time after the last load. */
  #soon(): void {
    if (this.#running !== null) this.#again = true;
    else this.#in(Math.max(0, this.#lastStart + SHORTEST_MS - performance.now()));
  }

  #in(ms: number): void {
    const dueAt = performance.now() + ms;
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      if (this.held) this.#in(SHORTEST_MS);
      else void this.#load();
    }, ms);
  }

  async #load(): Promise<void> {
    if (hidden.value) return;
    clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
    const running = new AbortController();
    this.#running = running;
    this.#again = false;
    this.#lastStart = performance.now();
    const body = this.body;
    const key = JSON.stringify([this.#name, body]);
    try {
      const reply = await call(this.#name, body, running.signal);
      if (running.signal.aborted) return;
      this.#failures = 0;
      this.state.value = { reply, arrived: true, error: null, at: readServerTime(), failingSince: null, key };
    } catch (error) {
      if (running.signal.aborted || !(error instanceof CallError)) return;
      this.#failures += 1;
      const { reply, arrived, at, failingSince } = this.state.value;
      const isSame = this.state.value.key === key;
      this.state.value = {
        reply: isSame ? reply : null,
        arrived: isSame && arrived,
        at: isSame ? at : null,
        failingSince: failingSince ?? readServerTime(),
        error,
        key,
      };
    }
    this.#running = null;
    if (this.#failures > 0) this.#in(Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LONGEST_RETRY_MS));
    else if (this.#again) this.#soon();
    else this.#in(this.everyMs);
  }
}
