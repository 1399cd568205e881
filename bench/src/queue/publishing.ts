import { queueDurations } from "../harness/durations.js";
import { measureAll, ratioOf, tableOf } from "../harness/measure.js";
import type { Section, Suite } from "../harness/suite.js";
import { AMQPLIB, OURS, openLibraries } from "./libraries.js";
import { benchRabbitmq, messageId } from "./rabbitmq.js";

/** Publishing with confirms, one message at a time and 100 at a time. */
export const publishing: Suite = {
  name: "publish",
  measure: async (run) => {
    await using rabbitmq = await benchRabbitmq();
    const libraries = await openLibraries(rabbitmq.url);
    const candidates = libraries.map(({ name, queue, guarantees, publish }) => ({
      name,
      guarantees: guarantees.publish,
      prepare: () => rabbitmq.admin.purgeQueue(queue),
      work: (n: number) => publish(messageId(n)),
    }));
    const sections: Section[] = [];
    for (const concurrency of [1, 100]) {
      const results = await measureAll(candidates, { ...queueDurations(run), concurrency, serverCpu: rabbitmq.cpu });
      const ratio = (of: "rate" | "p50", wanted: { readonly atLeast: number }) =>
        ratioOf(results, [OURS, AMQPLIB], {
          name: `publish, window of ${concurrency}: queue / ${AMQPLIB}`,
          of,
          wanted,
        });
      sections.push({
        title: `publish, ${concurrency === 1 ? "one at a time" : `${concurrency} at a time`}`,
        about: "Messages of 600 bytes to a quorum queue of one node, each confirmed.",
        table: tableOf(results, AMQPLIB),
        ratios: concurrency === 1 ? [] : [ratio("rate", { atLeast: 0.9 })],
      });
    }
    for (const library of libraries) await library[Symbol.asyncDispose]();
    return sections;
  },
};
