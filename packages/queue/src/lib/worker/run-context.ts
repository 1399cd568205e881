import type { JobDefinition } from "@subtitles/job-store";
import type { QueueDefinition } from "../definition.js";
import type { Envelope } from "../driver.js";
import type { Message } from "../types.js";
import type { WorkerContext } from "./types.js";

/** Parts of a run that its context and its message use. */
interface RunParts {
  readonly signal: AbortSignal;
  readonly closing: AbortSignal;
  readonly attempt: number;
  readonly lastAttempt: boolean;
  report(progress: unknown): void;
  checkpoint(progress: unknown): Promise<void>;
  /** Calls `run` of the worker's options. */
  call(): Promise<void>;
}

/** Message of a run. Its signal is created when it is read. */
export class RunMessage implements Message<QueueDefinition> {
  readonly id: string;
  readonly payload: unknown;
  readonly attempt: number;
  readonly lastAttempt: boolean;
  readonly redelivered: boolean;
  readonly headers: Readonly<Record<string, string>>;
  declare readonly origin?: string;
  readonly #publishedAt: number;
  readonly #run: RunParts;

  constructor(run: RunParts, envelope: Envelope, payload: unknown, redelivered: boolean) {
    this.id = envelope.id;
    this.payload = payload;
    this.attempt = run.attempt;
    this.lastAttempt = run.lastAttempt;
    this.redelivered = redelivered;
    this.headers = envelope.headers;
    if (envelope.origin !== undefined) this.origin = envelope.origin;
    this.#publishedAt = envelope.publishedAt;
    this.#run = run;
  }

  get publishedAt(): Date {
    return new Date(this.#publishedAt);
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  /** Calls `run` with the job of this message. */
  call(): Promise<void> {
    return this.#run.call();
  }
}

/** Second argument of `run`. Its signals and functions are created when they are read, because most runs read few of them. */
export class RunContext implements WorkerContext<JobDefinition, QueueDefinition> {
  readonly message: Message<QueueDefinition>;
  readonly attempt: number;
  readonly lastAttempt: boolean;
  readonly #run: RunParts;

  constructor(run: RunParts, message: Message<QueueDefinition>) {
    this.message = message;
    this.attempt = run.attempt;
    this.lastAttempt = run.lastAttempt;
    this.#run = run;
  }

  // They are functions instead of methods, because `run` can take them out of the context.
  get progress(): (progress: unknown) => void {
    const run = this.#run;
    return (progress) => run.report(progress);
  }

  get checkpoint(): (progress: unknown) => Promise<void> {
    const run = this.#run;
    return (progress) => run.checkpoint(progress);
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get closing(): AbortSignal {
    return this.#run.closing;
  }
}
