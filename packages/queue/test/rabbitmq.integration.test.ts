import { describe, inject } from "vitest";
import "../../../test/servers/provided.js";
import { rabbitmqDriver } from "../src/rabbitmq.js";
import { testDriver } from "../src/testing.js";
import { deleteQueues, freshPrefix } from "./rabbitmq-queues.js";

const { url, reason } = inject("rabbitmq");

describe.skipIf(url === null)(`RabbitMQ${reason === null ? "" : ` (${reason})`}`, () => {
  testDriver("rabbitmq", () => {
    const address = url ?? "";
    const prefix = freshPrefix();
    const driver = rabbitmqDriver({ url: address, prefix, timeoutMs: 5_000 });
    return { driver, close: (queues) => deleteQueues(address, prefix, queues) };
  });
});
