import type { Check, Violation } from "./recording.js";

/** Checks that every call ended within its timeout plus `slackMs`, with a result or an error of the package. */
export const durations: Check = ({ operations, killed, slackMs }) =>
  operations.flatMap(({ op, call, end, timeoutMs }): readonly Violation[] => {
    const violated = (details: string): readonly Violation[] => [
      { guarantee: "every call ends in time, with a result or a typed error", about: op, details },
    ];
    if (end === null) {
      const process = op.slice(0, op.lastIndexOf("-"));
      return killed.has(process) ? [] : violated(`a "${call}" never ended`);
    }
    const { outcome, durationMs } = end;
    if (outcome.is === "untyped") return violated(`a "${call}" failed with ${outcome.reason}`);
    const excess = durationMs - timeoutMs;
    return excess > slackMs ? violated(`a "${call}" took ${excess.toFixed()} ms longer than its timeout`) : [];
  });

/** Number of characters to show on each side of a secret. */
const CONTEXT = 150;

/** Checks that no output of a process and no problem contains a password or a payload. */
export const secrets: Check = ({ written, problems, secrets: hidden }) =>
  [...written, ...problems].flatMap((text) =>
    hidden
      .map((secret) => text.indexOf(secret))
      .filter((at) => at >= 0)
      .map((at) => {
        const details = text.slice(Math.max(0, at - CONTEXT), at + CONTEXT);
        return { guarantee: "no secret is written", about: "output of a process", details } as const;
      }),
  );

/** Reports the problems that the runner found. */
export const noProblems: Check = ({ problems }) =>
  problems.map((details) => ({
    guarantee: "processes end and the system becomes idle",
    about: "the round",
    details,
  }));
