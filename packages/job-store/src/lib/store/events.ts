import { invalid, show } from "../arguments.js";
import type { StoreEvent } from "../events.js";

type Listener = (event: StoreEvent) => void;

/** Property of a store with the function that adds a listener. A registered symbol, so that every copy of the queue package finds it. */
const EVENTS: unique symbol = Symbol.for("@subtitles/job-store/events");

/** Events of one store, for the listener of the application and for workers. Errors of a listener are ignored. */
export class StoreEvents {
  readonly #listeners = new Set<Listener>();

  /** @throws JobStoreError INVALID_ARGUMENT if the listener is no function: all events would be lost */
  constructor(onEvent: Listener | undefined) {
    if (onEvent !== undefined && typeof onEvent !== "function") {
      invalid(`\`onEvent\` must be a function (got ${show(onEvent)}).`);
    }
    if (onEvent !== undefined) this.#listeners.add(onEvent);
  }

  readonly emit = (event: StoreEvent): void => {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch {
        // A failing logger must not make the store fail.
      }
    }
  };

  /** Adds a listener. Returns a function that removes it. */
  readonly add = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Lets the worker of the queue package add listeners to the events of this store. */
  attachTo(store: object): void {
    // Configurable, so that a Proxy of the store can bind the function like the methods.
    Object.defineProperty(store, EVENTS, { value: this.add, configurable: true });
  }
}
