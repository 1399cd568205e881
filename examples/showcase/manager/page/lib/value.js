import { useLayoutEffect, useReducer } from "/vendor/hooks.js";

/**
 * Value outside of components. Components follow its changes.
 *
 * @template T
 * @typedef {object} Value
 * @property {T} current
 * @property {(next: T) => void} set
 * @property {(listener: (value: T) => void) => () => void} follow returns a function that stops it
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
 * Returns the current value. The component is drawn again after each change.
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
