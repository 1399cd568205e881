import type { Budget } from "./line.js";

/** Calls made in one turn of the event loop. They have the same time, which begins with its end. */
export interface Turn {
  readonly end: number;
  readonly calls: readonly Waiting[];
  left: number;
}

/** A call that waits to be sent, or for its reply. */
export abstract class Waiting implements Budget {
  /** What a batch must not have too much of: characters, or keys that weigh as much. */
  readonly size: number;
  /** An attempt of it may have been carried out. */
  doubtful = false;
  /** Shares no batch, because of what happened to it in one. */
  alone = false;
  settled = false;
  /** What it fails with once its time is over, since an attempt of it may be carried out until then. */
  failure: unknown;
  /** Its place in the order of all calls. */
  number = 0;
  turn: Turn | undefined;

  constructor(size: number) {
    this.size = size;
  }

  get end(): number {
    return this.turn?.end ?? Number.POSITIVE_INFINITY;
  }

  abstract reject(error: unknown): void;

  /** Whether nothing has settled it before. */
  protected settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    if (this.turn !== undefined) this.turn.left--;
    return true;
  }
}

/** A call with its reply. */
export class Call<R> extends Waiting {
  readonly promise: Promise<R>;
  #resolve: (reply: R) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(size: number) {
    super(size);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  resolve(reply: R): void {
    if (this.settle()) this.#resolve(reply);
  }

  override reject(error: unknown): void {
    if (this.settle()) this.#reject(error);
  }
}
