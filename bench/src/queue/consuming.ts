import { queueDurations } from "../harness/durations.js";
import { type Candidate, measureAll, ratioOf, tableOf } from "../harness/measure.js";
import type { Section, Suite } from "../harness/suite.js";
import { AMQPLIB, type Library, OURS, openLibraries } from "./libraries.js";
import { type BenchRabbitmq, benchRabbitmq } from "./rabbitmq.js";

/** Consuming a full queue with acknowledgements, with a prefetch of 1, 10 and 100. */
export const consuming: Suite = {
  name: "consume",
  measure: async (run) => {
    await using rabbitmq = await benchRabbitmq();
    const libraries = await openLibraries(rabbitmq.url);
    const sections: Section[] = [];
    for (const prefetch of [1, 10, 100]) {
      const candidates = libraries.map((library) => draining(library, prefetch, rabbitmq));
      // The n-th call waits for the n-th message, so the number of concurrent calls does not limit the consumer.
      const results = await measureAll(candidates, {
        ...queueDurations(run),
        concurrency: 200,
        serverCpu: rabbitmq.cpu,
      });
      for (const candidate of candidates) await candidate.stop();
      const name = `consume, prefetch ${prefetch}: queue / ${AMQPLIB}`;
      sections.push({
        title: `consume, prefetch ${prefetch}`,
        about: "Messages of 600 bytes from a quorum queue of one node, parsed and acknowledged one by one.",
        table: tableOf(results, AMQPLIB),
        ratios:
          prefetch === 100 ? [ratioOf(results, [OURS, AMQPLIB], { name, of: "rate", wanted: { atLeast: 0.9 } })] : [],
      });
    }
    for (const library of libraries) await library[Symbol.asyncDispose]();
    return sections;
  },
};

/** Returns a candidate that starts each round with a full queue and without a consumer. */
function draining(
  library: Library,
  prefetch: number,
  rabbitmq: BenchRabbitmq,
): Candidate & { readonly stop: () => Promise<void> } {
  let arrived = 0;
  let awaited: (() => void)[] = [];
  let consumer: Promise<() => Promise<unknown>> | undefined;
  const stop = async () => {
    await (await consumer)?.();
    consumer = undefined;
  };
  const onMessage = () => {
    awaited[arrived++]?.();
  };
  return {
    name: library.name,
    guarantees: library.guarantees.consume,
    async prepare(count) {
      await stop();
      await rabbitmq.fill(library.queue, count);
      arrived = 0;
      awaited = [];
    },
    stop,
    async work(n) {
      consumer ??= library.consume(prefetch, onMessage);
      if (n < arrived) return;
      await new Promise<void>((resolve) => {
        awaited[n] = resolve;
      });
    },
  };
}
