import type { Options } from "amqplib";
import type { Difference } from "../driver.js";
import type { Link } from "./link.js";

const MOST_DIFFERENCES = 10;
const FLAGS: Readonly<Record<string, keyof Options.AssertQueue>> = {
  durable: "durable",
  auto_delete: "autoDelete",
  exclusive: "exclusive",
};

/**
 * All that sets an existing queue apart from its declaration. The server names one difference at a time, so the queue is
 * declared again with what was found, until the server agrees or has nothing new to say.
 */
export async function findDifferences(
  link: Link,
  name: string,
  options: Options.AssertQueue,
  first: readonly Difference[],
  limitMs: number,
): Promise<readonly Difference[]> {
  const differences = [...first];
  let guess = options;
  for (let latest = first[0]; latest !== undefined && differences.length < MOST_DIFFERENCES; ) {
    guess = adopt(guess, latest);
    const answer = await link.ask((channel) => channel.assertQueue(name, guess), limitMs);
    if (answer.ok || answer.failure !== "mismatch") break;
    latest = answer.mismatch.differences.find(
      ({ argument }) => !differences.some((known) => known.argument === argument),
    );
    if (latest !== undefined) differences.push(latest);
  }
  return differences;
}

function adopt(options: Options.AssertQueue, { argument, found }: Difference): Options.AssertQueue {
  const flag = FLAGS[argument];
  if (flag !== undefined) return { ...options, [flag]: found === "'true'" };
  const { [argument]: _, ...others } = options.arguments;
  const value = /^'(.*)'$/s.exec(found)?.[1];
  if (value === undefined) return { ...options, arguments: others };
  return { ...options, arguments: { ...others, [argument]: /^-?\d+$/.test(value) ? Number(value) : value } };
}
