/** Repeats a step in the background, one at a time, until the step returns false. */
export class BackgroundLoop {
  readonly #step: () => Promise<boolean>;
  readonly #retryMs: number | null;
  #ended: Promise<void> = Promise.resolve();
  #running = false;
  #repeats = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param step returns true if it has to be repeated
   * @param retryMs pause after a step that failed; null: the loop ends
   */
  constructor(step: () => Promise<boolean>, retryMs: number | null) {
    this.#step = step;
    this.#retryMs = retryMs;
  }

  /** Runs the step now, or once more after the present one. */
  start(): void {
    this.#repeats = true;
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#ended = this.#run();
  }

  /** Runs the step within this time. */
  startWithin(ms: number): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.start();
    }, ms).unref();
  }

  /** Ends the loop after the present step. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#ended;
  }

  async #run(): Promise<void> {
    try {
      while (this.#repeats && !this.#closed) {
        this.#repeats = false;
        if (await this.#step()) this.#repeats = true;
      }
    } catch {
      if (this.#retryMs !== null) this.startWithin(this.#retryMs);
    } finally {
      this.#running = false;
    }
  }
}
