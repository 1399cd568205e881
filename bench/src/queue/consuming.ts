import { type Contender, contest, ratioOf, tableOf } from "../frame/contest.js";
import type { Section, Suite } from "../frame/suite.js";
import { AMQPLIB, type Library, OURS, openLibraries } from "./contenders.js";
import { effort } from "./effort.js";
import { type BenchRabbitmq, benchRabbitmq } from "./rabbitmq.js";

/** Consuming what is there, with acknowledgements, and 1, 10 or 100 messages in hand. */
export const consuming: Suite = {
  name: "consume",
  measure: async (run) => {
    await using rabbitmq = await benchRabbitmq();
    const libraries = await openLibraries(rabbitmq.url);
    const sections: Section[] = [];
    for (const prefetch of [1, 10, 100]) {
      const contenders = libraries.map((library) => draining(library, prefetch, rabbitmq));
      // Whoever awaits the n-th message waits for those before it, so many may wait at a time.
      const results = await contest(contenders, { ...effort(run), concurrency: 200, serverCpu: rabbitmq.cpu });
      for (const contender of contenders) await contender.stop();
      const name = `consume, prefetch ${prefetch}: queue / ${AMQPLIB}`;
      sections.push({
        title: `consume, prefetch ${prefetch}`,
        about: "600 bytes from a quorum queue of one node, parsed and acknowledged one by one.",
        table: tableOf(results, AMQPLIB),
        ratios:
          prefetch === 100 ? [ratioOf(results, [OURS, AMQPLIB], { name, of: "rate", wanted: { atLeast: 0.9 } })] : [],
      });
    }
    for (const library of libraries) await library[Symbol.asyncDispose]();
    return sections;
  },
};

/** A round begins with a full queue and nobody at it. */
function draining(
  library: Library,
  prefetch: number,
  rabbitmq: BenchRabbitmq,
): Contender & { readonly stop: () => Promise<void> } {
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
