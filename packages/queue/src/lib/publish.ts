import { v7 as uuid } from "uuid";
import type { input, output } from "zod/v4/core";
import {
  checkHeaders,
  checkInteger,
  checkKeys,
  checkMessageId,
  checkOptions,
  checkOrigin,
  invalid,
  type KeysOf,
  MAX_DELAY_MS,
} from "./arguments.js";
import { checkDefinition, type QueueDefinition, VERSION_HEADER, versionOf } from "./definition.js";
import type { Envelope, Session } from "./driver.js";
import { QueueError } from "./errors.js";
import { toError } from "./failures.js";
import { encodePayload } from "./payload.js";
import type { MessageOptions, PublishOptions } from "./types.js";

/** Maximum number of unconfirmed messages of one `publishMany`. It limits the memory of the call. */
const MAX_IN_FLIGHT = 1_000;

const PUBLISH_OPTIONS: KeysOf<PublishOptions> = { id: true, headers: true, origin: true };
const MESSAGE_OPTIONS: KeysOf<MessageOptions> = { id: true, headers: true, delayMs: true };

interface BatchedMessage<Q extends QueueDefinition> {
  readonly payload: input<Q["payload"]>;
  readonly options?: PublishOptions | undefined;
}

const BATCHED_MESSAGE_KEYS: KeysOf<BatchedMessage<QueueDefinition>> = { payload: true, options: true };

type Receipt = { readonly id: string };

/**
 * Creates a message for an outbox. The queue's schema checks the payload now, not when the message is relayed. From version 2,
 * a header contains the version of the payload, so that a relay of a later release can upcast it.
 *
 * @throws QueueError INVALID_PAYLOAD, INVALID_ARGUMENT
 */
export function message<Q extends QueueDefinition>(
  queue: Q,
  payload: input<Q["payload"]>,
  options?: MessageOptions,
): {
  readonly queue: string;
  readonly payload: output<Q["payload"]>;
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly delayMs?: number;
} {
  checkDefinition(queue);
  const given = checkOptions(options, MESSAGE_OPTIONS, "message");
  const id = given.id === undefined ? undefined : checkMessageId(given.id);
  const userHeaders = given.headers === undefined ? undefined : checkHeaders(given.headers);
  const delayMs = given.delayMs === undefined ? undefined : checkInteger(given.delayMs, "delayMs", 1, MAX_DELAY_MS);
  const version = versionOf(queue);
  const headers = version === 1 ? userHeaders : { ...userHeaders, [VERSION_HEADER]: String(version) };
  return {
    queue: queue.name,
    payload: encodePayload(queue, payload, id).payload,
    ...(id !== undefined && { id }),
    ...(headers !== undefined && { headers }),
    ...(delayMs !== undefined && { delayMs }),
  };
}

/** Publishes a message. Passes it to the session synchronously, so that calls keep their order. */
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
  const envelope: Envelope = {
    id,
    body,
    version: versionOf(queue),
    headers,
    ...(given.origin !== undefined && { origin: checkOrigin(given.origin) }),
    attempt: 1,
    publishedAt: Date.now(),
    errors: [],
    death: null,
  };
  const result = await session.publish(queue, envelope, "ready");
  if (!result.ok) throw toError(result, { queue: queue.name, messageId: id });
  return { id };
}

/** Publishes messages, at most `MAX_IN_FLIGHT` at a time. Returns one result per message. */
export async function publishMany<Q extends QueueDefinition>(
  session: Session,
  queue: Q,
  messages: readonly BatchedMessage<Q>[],
): Promise<readonly PromiseSettledResult<Receipt>[]> {
  if (!Array.isArray(messages)) return invalid("The messages of publishMany must be an array.");
  const results: PromiseSettledResult<Receipt>[] = new Array(messages.length);
  let next = 0;
  let outage: QueueError | null = null;

  const publishNext = async () => {
    while (next < messages.length) {
      const index = next++;
      try {
        if (outage !== null) throw notSent(outage);
        const message = messages[index] ?? invalid(`Message ${index} of publishMany is missing.`);
        const { payload, options } = checkKeys(message, BATCHED_MESSAGE_KEYS, "A message of publishMany");
        results[index] = { status: "fulfilled", value: await publish(session, queue, payload, options) };
      } catch (reason) {
        results[index] = { status: "rejected", reason };
        if (isOutage(reason)) outage ??= reason;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_IN_FLIGHT, messages.length) }, publishNext));
  return results;
}

function isOutage(error: unknown): error is QueueError {
  return QueueError.is(error, "UNAVAILABLE") || QueueError.is(error, "TIMEOUT") || QueueError.is(error, "CLOSED");
}

function notSent(outage: QueueError): QueueError {
  const message = `Not sent, because an earlier message of this call was not confirmed. ${outage.message}`;
  return new QueueError(outage.code, message, { queue: outage.queue, indeterminate: false });
}
