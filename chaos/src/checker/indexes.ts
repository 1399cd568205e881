import { STATUSES } from "../workload.js";
import { type Check, groupBy, type Violation } from "./recording.js";

/** Checks that keys, lists by creation, lists by status and counts contain the same jobs. */
export const indexes: Check = ({ final }) => {
  const ids = final.jobs.map(({ id }) => id);
  const jobsIn = groupBy(final.jobs, ({ status }) => status);
  return [
    ...differences("the list of all jobs", ids, "the keys", final.keys),
    ...STATUSES.flatMap((status) => {
      const stored = jobsIn.get(status)?.map(({ id }) => id) ?? [];
      const counted = final.counts[status];
      return [
        ...differences(
          `the list of "${status}"`,
          final.byStatus.get(status) ?? [],
          "the jobs with this status",
          stored,
        ),
        ...(counted === stored.length ? [] : [violated(status, `${counted} counted, ${stored.length} stored`)]),
      ];
    }),
  ];
};

function differences(firstName: string, first: readonly string[], secondName: string, second: readonly string[]) {
  const [inFirst, inSecond] = [new Set(first), new Set(second)];
  return [
    ...first.filter((id) => !inSecond.has(id)).map((id) => violated(id, `in ${firstName}, but not in ${secondName}`)),
    ...second.filter((id) => !inFirst.has(id)).map((id) => violated(id, `in ${secondName}, but not in ${firstName}`)),
    ...(inFirst.size < first.length ? [violated(firstName, `${first.length - inFirst.size} duplicate ids`)] : []),
  ];
}

function violated(about: string, details: string): Violation {
  return { guarantee: "the indexes match the jobs", about, details };
}
