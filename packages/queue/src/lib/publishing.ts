import { v7 as uuid } from "uuid";
import type { input } from "zod/v4/core";
import { checkHeaders, checkKeys, checkMessageId, checkOptions, invalid, type KeysOf } from "./arguments.js";
import type { QueueDefinition } from "./definition.js";
import type { Session } from "./driver.js";
import { QueueError } from "./errors.js";
import { versionOf } from "./evolution.js";
import { toError } from "./failures.js";
import { PUBLISH_OPTIONS, type PublishOptions } from "./message.js";
import { encodePayload } from "./payload.js";

/** Messages of one `publishMany` that are under way at a time, so that memory does not grow with the call. */
const UNDER_WAY = 1_000;

interface BatchedMessage<Q extends QueueDefinition> {
  readonly payload: input<Q["payload"]>;
  readonly options?: PublishOptions | undefined;
}

const BATCHED_MESSAGE_KEYS: KeysOf<BatchedMessage<QueueDefinition>> = { payload: true, options: true };

type Receipt = { readonly id: string };

/** Hands the message to the session before it first yields, so that calls keep their order. */
export async function publish<Q extends QueueDefinition>(
  session: Session,
  queue: Q,
  payload: input<Q["payload"]>,
  options?: PublishOptions,
): Promise<Receipt> {
  const given = checkOptions(options, PUBLISH_OPTIONS, "publish");
  const id = given.id === undefined ? uuid() : checkMessageId(given.id);
  const headers = checkHeaders(given.headers);
  const { body } = encodePayload(queue, payload, id);
  const publishedAt = Date.now();
  const envelope = { id, body, version: versionOf(queue), headers, attempt: 1, publishedAt, errors: [], death: null };
  const answer = await session.publish(queue, envelope, "ready");
  if (!answer.ok) throw toError(answer, { queue: queue.name, messageId: id });
  return { id };
}

export async function publishMany<Q extends QueueDefinition>(
  session: Session,
  queue: Q,
  messages: readonly BatchedMessage<Q>[],
): Promise<readonly PromiseSettledResult<Receipt>[]> {
  if (!Array.isArray(messages)) return invalid("publishMany takes an array of messages.");
  const results: PromiseSettledResult<Receipt>[] = new Array(messages.length);
  let next = 0;
  let away: QueueError | null = null;

  const publishInTurn = async () => {
    while (next < messages.length) {
      const index = next++;
      try {
        if (away !== null) throw neverSent(away);
        const message = messages[index] ?? invalid(`Message ${index} is missing.`);
        const { payload, options } = checkKeys(message, BATCHED_MESSAGE_KEYS, "A message of publishMany");
        results[index] = { status: "fulfilled", value: await publish(session, queue, payload, options) };
      } catch (reason) {
        results[index] = { status: "rejected", reason };
        if (meansAway(reason)) away = reason;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(UNDER_WAY, messages.length) }, publishInTurn));
  return results;
}

function meansAway(error: unknown): error is QueueError {
  return QueueError.is(error, "UNAVAILABLE") || QueueError.is(error, "TIMEOUT") || QueueError.is(error, "CLOSED");
}

function neverSent(away: QueueError): QueueError {
  return new QueueError(
    away.code,
    `Not sent, since an earlier message of this call was not confirmed. ${away.message}`,
    {
      queue: away.queue,
      indeterminate: false,
    },
  );
}
