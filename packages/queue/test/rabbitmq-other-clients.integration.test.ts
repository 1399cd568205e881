import { gzipSync } from "node:zlib";
import type { ConfirmChannel, GetMessage, Options } from "amqplib";
import { describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { deadLetter, retry } from "../src/index.js";
import { PATIENCE } from "../src/lib/contract/fixture.js";
import { onServer, openChannel, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

const headers = {
  text: "kept",
  number: 7,
  fraction: 0.5,
  large: 2 ** 40,
  yes: true,
  nothing: null,
  table: { a: 1, inner: { b: "c" } },
  list: [1, "two", { three: 3 }],
  bytes: Buffer.from([0, 255, 128]),
  time: { "!": "timestamp", value: 1_700_000_000 },
};
const properties = {
  contentType: "application/vnd.films+json",
  contentEncoding: "gzip",
  correlationId: "c",
  replyTo: "answers",
  type: "film.found",
  appId: "finder",
  priority: 3,
  timestamp: 1_700_000_000,
} as const;

async function take(channel: ConfirmChannel, queue: string): Promise<GetMessage> {
  const message = await channel.get(queue, { noAck: true });
  if (message === false) throw new Error(`${queue} is empty`);
  return message;
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("a message of another client"), () => {
  async function sent(content: Buffer, options: Options.Publish) {
    const { prefix, broker, reported } = onServer(url);
    const here = broker();
    await here.stats(tasks);
    const channel = await openChannel(url);
    channel.sendToQueue(`${prefix}tasks`, content, options);
    await channel.waitForConfirms();
    return { here, channel, reported, ready: `${prefix}tasks`, dead: `${prefix}tasks.dead` };
  }

  test.each([
    {
      what: "gzip-encoded",
      content: gzipSync('{"n":1}'),
      contentEncoding: "gzip",
      reason: /not UTF-8.*"gzip".*not supported/,
    },
    { what: "not UTF-8", content: Buffer.from([0x22, 0xe9, 0x22]), contentEncoding: "latin1", reason: /not UTF-8/ },
  ])("that is $what keeps its bytes and properties as a dead letter and through a redrive", async (example) => {
    const { content, contentEncoding, reason } = example;
    const options = { ...properties, contentEncoding, headers, messageId: "m" };
    const { here, channel, ready, dead } = await sent(content, options);
    const consumer = await here.consume(tasks, async () => {});
    await expect
      .poll(() => here.deadLetters(tasks), PATIENCE)
      .toMatchObject([{ id: "m", reason: expect.stringMatching(reason) }]);
    await consumer.close();

    const letter = await take(channel, dead);
    expect(letter.content).toEqual(content);
    expect(letter.properties).toMatchObject(options);
    channel.sendToQueue(dead, letter.content, letter.properties);
    await channel.waitForConfirms();

    expect(await here.redrive(tasks)).toBe(1);
    const again = await take(channel, ready);
    expect(again.content).toEqual(content);
    expect(again.properties).toMatchObject(options);
  });

  test("that begins with a byte order mark is parsed, and keeps its bytes and properties through a retry", async () => {
    const content = Buffer.from('\uFEFF{"n":1}');
    const options = { ...properties, contentEncoding: "utf-8", headers };
    const { here, channel, dead } = await sent(content, options);
    const seen: unknown[] = [];
    await here.consume(tasks, async ({ payload, headers, attempt }) => {
      seen.push([payload, headers, attempt]);
      return attempt === 1 ? retry() : deadLetter("enough");
    });
    await expect.poll(() => here.stats(tasks), PATIENCE).toMatchObject({ dead: 1 });
    expect(seen).toEqual([
      [{ n: 1 }, { text: "kept" }, 1],
      [{ n: 1 }, { text: "kept" }, 2],
    ]);
    const letter = await take(channel, dead);
    expect(letter.content).toEqual(content);
    expect(letter.properties).toMatchObject(options);
  });

  test("with a header that cannot be written again is dead-lettered without its headers", async () => {
    // A table with the key "!", with which amqplib marks the types of values.
    const table = { "!": "object", value: { "!": "unknown type", value: 1 } };
    const { here, channel, reported, dead } = await sent(Buffer.from("{"), {
      ...properties,
      headers: { text: "lost", table },
    });
    await here.consume(tasks, async () => {});
    await expect.poll(() => here.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 1 });
    expect(reported).toEqual([expect.objectContaining({ code: "INVALID_PAYLOAD" })]);
    const letter = await take(channel, dead);
    expect(letter.properties).toMatchObject({
      headers: { "x-subtitles-reason": "The body is not JSON." },
    });
    expect(letter.properties.headers).not.toHaveProperty("text");
  });

  test("with an expiration stays in the dead-letter queue", async () => {
    const { here, channel, dead } = await sent(Buffer.from("{"), { expiration: 60_000 });
    await here.consume(tasks, async () => {});
    await expect.poll(() => here.stats(tasks), PATIENCE).toMatchObject({ dead: 1 });
    expect((await take(channel, dead)).properties.expiration).toBeUndefined();
  });

  test("with CC is not sent to the other queues again when it is dead-lettered", async () => {
    const { here, channel, ready } = await sent(Buffer.from('{"n":1}'), {});
    const other = `${ready}.other`;
    await channel.assertQueue(other, { autoDelete: true });
    await channel.purgeQueue(ready);
    channel.sendToQueue(ready, Buffer.from('{"n":1}'), { CC: other });
    await channel.waitForConfirms();
    await here.consume(tasks, async () => deadLetter("enough"));
    await expect.poll(() => here.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 1 });
    expect(await channel.deleteQueue(other)).toEqual({ messageCount: 1 });
  });
});
