import type { LoggedEvent, Operation } from "../record.js";
import { type Check, CLOCK_MS, groupedBy, type Run, type Violation } from "./run.js";

type Effect = Extract<LoggedEvent, { by: string }>;

/**
 * Every change in the event log names the operation that made it. Acknowledged: there once, at the version that was
 * answered, between the call's beginning and its end. Refused: not there. Neither: once or not at all, and not after the
 * call had ended.
 */
export const effects: Check = (run) => {
  const byOperation = groupedBy(changesIn(run), ({ by }) => by);
  return run.operations
    .filter(({ verb }) => verb === "create" || verb === "move" || verb === "progress")
    .flatMap((operation) => judged(operation, byOperation.get(operation.op) ?? []));
};

function changesIn({ final }: Run): readonly Effect[] {
  return final.log.filter((event): event is Effect => "by" in event && event.by !== "");
}

function judged(operation: Operation, made: readonly Effect[]): readonly Violation[] {
  const { op, settled, at } = operation;
  const end = settled?.at ?? at + operation.budgetMs;
  const late = made.filter((effect) => effect.at > end + CLOCK_MS).map(({ at: madeAt }) => madeAt - end);
  const broken = (promise: Violation["promise"], words: string): Violation => ({ promise, about: op, words });
  const found: Violation[] = [];
  if (late.length > 0) {
    found.push(broken("never later", `made ${late[0]?.toFixed()} ms after its call had ended as ${ending(operation)}`));
  }
  if (made.some((effect) => effect.at < at - CLOCK_MS))
    found.push(
      broken(
        "never later",
        `made ${(at - (made.find((effect) => effect.at < at - CLOCK_MS)?.at ?? 0)).toFixed(1)} ms before it was asked`,
      ),
    );
  const promise = promiseOf(operation);
  const words = `${ending(operation)}, and made ${made.length} times`;
  if (promise === "acknowledged means made once") {
    const version = settled?.outcome.is === "applied" ? settled.outcome.version : null;
    if (made.length !== 1) found.push(broken(promise, words));
    else if (version !== null && made[0]?.version !== version) {
      found.push(broken(promise, `answered as version ${version}, and made as ${made[0]?.version}`));
    }
  } else if (made.length > (promise === "refused means not made" ? 0 : 1)) found.push(broken(promise, words));
  return found;
}

function promiseOf({ settled }: Operation): Violation["promise"] {
  switch (settled?.outcome.is) {
    case "applied":
      return "acknowledged means made once";
    case "refused":
    case "unchanged":
      return "refused means not made";
    case "unavailable":
      return settled.outcome.indeterminate ? "made once or not at all" : "refused means not made";
    default:
      return "made once or not at all";
  }
}

function ending({ verb, settled }: Operation): string {
  if (settled === null) return `a ${verb} whose process was killed`;
  const { outcome } = settled;
  const more = outcome.is === "refused" ? ` (${outcome.code})` : "reason" in outcome ? ` (${outcome.reason})` : "";
  return `a ${verb} that was ${outcome.is}${more}`;
}
