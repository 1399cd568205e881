import { contest, ratioOf, tableOf } from "../frame/contest.js";
import type { Section, Suite } from "../frame/suite.js";
import { AMQPLIB, OURS, openLibraries } from "./contenders.js";
import { effort } from "./effort.js";
import { benchRabbitmq, messageId } from "./rabbitmq.js";

/** Publishing with confirms, one by one and with 100 under way. */
export const publishing: Suite = {
  name: "publish",
  measure: async (run) => {
    await using rabbitmq = await benchRabbitmq();
    const libraries = await openLibraries(rabbitmq.url);
    const contenders = libraries.map(({ name, queue, guarantees, publish }) => ({
      name,
      guarantees: guarantees.publish,
      prepare: () => rabbitmq.admin.purgeQueue(queue),
      work: (n: number) => publish(messageId(n)),
    }));
    const sections: Section[] = [];
    for (const concurrency of [1, 100]) {
      const results = await contest(contenders, { ...effort(run), concurrency, serverCpu: rabbitmq.cpu });
      const ratio = (of: "rate" | "p50", wanted: { readonly atLeast: number }) =>
        ratioOf(results, [OURS, AMQPLIB], {
          name: `publish, window of ${concurrency}: queue / ${AMQPLIB}`,
          of,
          wanted,
        });
      sections.push({
        title: `publish, ${concurrency === 1 ? "one by one" : `${concurrency} under way`}`,
        about: "600 bytes to a quorum queue of one node, each confirmed.",
        table: tableOf(results, AMQPLIB),
        ratios: concurrency === 1 ? [] : [ratio("rate", { atLeast: 0.9 })],
      });
    }
    for (const library of libraries) await library[Symbol.asyncDispose]();
    return sections;
  },
};
