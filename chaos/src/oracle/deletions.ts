import type { Operation } from "../record.js";
import { type Check, groupedBy, mayHaveMade, type Violation } from "./run.js";

/** Events of deletion name no operation, but no id is used twice here: a job is deleted once, by one of those who asked. */
export const deletions: Check = ({ operations, final }) => {
  const asked = groupedBy(
    operations.filter(({ verb }) => verb === "delete"),
    ({ job }) => job ?? "",
  );
  const deleted = groupedBy(
    final.log.filter((event) => event.type === "deleted"),
    ({ job }) => job,
  );
  const jobs = new Set([...asked.keys(), ...deleted.keys()]);
  return [...jobs].flatMap((job) => judged(job, asked.get(job) ?? [], deleted.get(job)?.map(({ at }) => at) ?? []));
};

function judged(about: string, asked: readonly Operation[], deletedAt: readonly number[]): readonly Violation[] {
  const acknowledged = asked.filter(({ settled }) => settled?.outcome.is === "applied").length;
  const possible = asked.filter((operation) => deletedAt.some((at) => mayHaveMade(operation, at)));
  const found: Violation[] = [];
  if (deletedAt.length > 1 || acknowledged > 1) {
    const words = `deleted ${deletedAt.length} times, acknowledged ${acknowledged} times`;
    found.push({ promise: "acknowledged means made once", about, words });
  } else if (acknowledged > deletedAt.length) {
    found.push({ promise: "acknowledged means made once", about, words: "its deletion was acknowledged and not made" });
  } else if (deletedAt.length > 0 && possible.length === 0) {
    found.push({ promise: "never later", about, words: "deleted while nobody asked for it" });
  }
  return found;
}
