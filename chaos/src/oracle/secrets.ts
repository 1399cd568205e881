import type { Check } from "./run.js";

/** Nothing that was printed, reported or thrown holds a password or a payload. */
export const secrets: Check = ({ said, secrets: hidden, operations }) => {
  const reasons = operations.flatMap(({ settled }) =>
    settled !== null && "reason" in settled.outcome ? [settled.outcome.reason] : [],
  );
  return [...said, ...reasons]
    .filter((text) => hidden.some((secret) => text.includes(secret)))
    .map((text) => ({ promise: "secrets stay secret", about: "something said", words: text.slice(0, 300) }));
};
