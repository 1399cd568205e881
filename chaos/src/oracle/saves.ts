import type { Operation } from "../record.js";
import { type Check, groupedBy, mayHaveMade, type Violation } from "./run.js";

/** Events of a save name no operation, but the version: of those who asked for one, one at most made it, in its time. */
export const saves: Check = ({ operations, final }) => {
  const asked = groupedBy(
    operations.filter(({ verb }) => verb === "save"),
    ({ job, version }) => `${job} version ${version}`,
  );
  const made = groupedBy(
    final.log.filter((event) => "to" in event).filter(({ type }) => type === "saved"),
    ({ job, version }) => `${job} version ${version}`,
  );
  return [...new Set([...asked.keys(), ...made.keys()])].flatMap((about) => {
    const times = made.get(about)?.map(({ at }) => at) ?? [];
    return judged(about, asked.get(about) ?? [], times);
  });
};

function judged(about: string, asked: readonly Operation[], madeAt: readonly number[]): readonly Violation[] {
  const acknowledged = asked.filter(({ settled }) => settled?.outcome.is === "applied");
  const broken = (promise: Violation["promise"], words: string): Violation => ({ promise, about, words });
  if (madeAt.length > 1 || acknowledged.length > madeAt.length) {
    const words = `saved ${madeAt.length} times, acknowledged ${acknowledged.length} times`;
    return [broken("acknowledged means made once", words)];
  }
  const [at] = madeAt;
  const makers = acknowledged.length > 0 ? acknowledged : asked;
  if (at === undefined || makers.some((operation) => mayHaveMade(operation, at))) return [];
  return [broken("never later", "saved while nobody asked for it, or after a refusal")];
}
