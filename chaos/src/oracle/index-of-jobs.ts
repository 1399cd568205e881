import { STATUSES } from "../subject.js";
import { type Check, groupedBy, type Violation } from "./run.js";

/** Keys, lists by creation, lists by status and counts tell of the same jobs. */
export const indexOfJobs: Check = ({ final }) => {
  const ids = final.jobs.map(({ id }) => id);
  const inStatus = groupedBy(final.jobs, ({ status }) => status);
  return [
    ...differences("list", ids, "keys", final.keys),
    ...STATUSES.flatMap((status) => {
      const stored = inStatus.get(status)?.map(({ id }) => id) ?? [];
      const counted = final.counts[status];
      return [
        ...differences(`list of ${status}`, final.byStatus.get(status) ?? [], `jobs that are ${status}`, stored),
        ...(counted === stored.length ? [] : [broken(status, `${counted} counted, ${stored.length} stored`)]),
      ];
    }),
  ];
};

function differences(here: string, some: readonly string[], there: string, others: readonly string[]) {
  const [one, other] = [new Set(some), new Set(others)];
  return [
    ...some.filter((id) => !other.has(id)).map((id) => broken(id, `in ${here}, and not in ${there}`)),
    ...others.filter((id) => !one.has(id)).map((id) => broken(id, `in ${there}, and not in ${here}`)),
    ...(one.size < some.length ? [broken(here, `${some.length - one.size} stand there twice`)] : []),
  ];
}

function broken(about: string, words: string): Violation {
  return { promise: "the index is the jobs", about, words };
}
