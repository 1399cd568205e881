import { useLayoutEffect, useReducer } from "/vendor/hooks.js";

/**
 * A value that lives outside of components, which follow it.
 *
 * @template T
 * @typedef {object} Value
 * @property {T} current
 * @property {(next: T) => void} set
 * @property {(listener: (value: T) => void) => () => void} follow returns how to stop
 */

/**
 * @template T
 * @param {T} initial
 * @returns {Value<T>}
 */
export function createValue(initial) {
  let current = initial;
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  return {
    get current() {
      return current;
    },
    set(next) {
      current = next;
      for (const listener of [...listeners]) listener(next);
    },
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * The value as it is now; the component is drawn anew when it changes.
 *
 * @template T
 * @param {Value<T>} value
 * @returns {T}
 */
export function useValue(value) {
  const [, draw] = useReducer((/** @type {number} */ count) => count + 1, 0);
  useLayoutEffect(() => value.follow(() => draw(undefined)), [value]);
  return value.current;
}
