import { jobOfOrigin } from "../origin.js";
import type { CallContext } from "./context.js";
import type { DashboardBroker, DashboardQueue } from "./options.js";
import type { LettersView, QueuesView } from "./protocol.js";
import { badRequest, messageOf, withoutAddresses } from "./reply.js";

/** Maximum number of dead letters on the page. */
const MAX_LETTERS = 100;

/** Returns the queues of the broker, and its health. */
export async function queuesView({ source, opened: { clock } }: CallContext): Promise<QueuesView> {
  const { broker, queues = [] } = source.options;
  const now = (await clock.now()).toISOString();
  if (broker === undefined) return { queues: [], health: null, now };
  const { status, warnings, error } = await broker.health();
  // A call on an unavailable broker waits for its whole timeout, which is longer than that of `health`.
  const read = status === "unhealthy" ? async ({ name }: DashboardQueue) => unread(name, "not read") : statsOf;
  const found = await Promise.all(queues.map((queue) => read(queue, broker)));
  return {
    queues: found,
    health: {
      status,
      warnings: warnings.map(withoutAddresses),
      error: error === undefined ? null : withoutAddresses(error),
    },
    now,
  };
}

/** Returns the numbers of a queue, or the reason if it cannot be read. */
async function statsOf(queue: DashboardQueue, broker: DashboardBroker): Promise<QueuesView["queues"][number]> {
  const { name } = queue;
  try {
    const { ready, unacked, delayed, dead, consumers } = await broker.stats(queue);
    return { queue: name, ready, unacked, delayed, dead, consumers, error: null };
  } catch (error) {
    return unread(name, messageOf(error));
  }
}

function unread(queue: string, error: string): QueuesView["queues"][number] {
  return { queue, ready: 0, unacked: null, delayed: 0, dead: 0, consumers: 0, error };
}

/** Returns the oldest dead letters of a queue. */
export async function lettersView({ source, opened, values }: CallContext, name: string): Promise<LettersView> {
  const { broker, queue } = queueOf(source.options, name);
  const [letters, { dead }] = await Promise.all([
    broker.deadLetters(queue, { limit: MAX_LETTERS }),
    broker.stats(queue),
  ]);
  return {
    letters: letters.map(({ id, body, origin, reason, attempts, at, errors }) => {
      const jobId = jobOfOrigin(origin, opened.store.definition.name);
      const about = { jobId, queue: name };
      const error = errors.at(-1);
      return {
        ...{ id, jobId, attempts },
        reason: values.errorText(reason, about) ?? "",
        at: at.toISOString(),
        error: error === undefined ? null : values.errorText(error, about),
        payload: values.view("letter", parsed(body), about),
      };
    }),
    total: Math.max(dead, letters.length),
  };
}

/** @throws DashboardError if the dashboard has no such queue */
export function queueOf(
  { broker, queues = [] }: CallContext["source"]["options"],
  name: string,
): { readonly broker: DashboardBroker; readonly queue: DashboardQueue } {
  const queue = queues.find((one) => one.name === name);
  if (broker !== undefined && queue !== undefined) return { broker, queue };
  throw badRequest(`The dashboard has no queue ${JSON.stringify(name)} for this store.`);
}

/** Returns the value of a JSON text, or the text if it is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
