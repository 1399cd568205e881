import type { Check, Violation } from "./run.js";

const promise = "every call settles in time, typed";

/** Every call settled within its budget and a little more, with an answer or an error of the package. */
export const inTime: Check = ({ operations, killed, slackMs }) =>
  operations.flatMap(({ op, verb, settled, budgetMs }): readonly Violation[] => {
    if (settled === null) {
      const process = op.slice(0, op.lastIndexOf("-"));
      return killed.has(process) ? [] : [{ promise, about: op, words: `a ${verb} never settled` }];
    }
    const { outcome, tookMs } = settled;
    if (outcome.is === "untyped") return [{ promise, about: op, words: `a ${verb} failed as ${outcome.reason}` }];
    const late = tookMs - budgetMs;
    return late > slackMs ? [{ promise, about: op, words: `a ${verb} took ${late.toFixed()} ms beyond its time` }] : [];
  });
