import { describe } from "vitest";
import { server } from "../../../test/servers/require.js";
import { rabbitmqDriver } from "../src/rabbitmq.js";
import { testDriver } from "../src/testing.js";
import { deleteQueues, freshPrefix } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("on a real broker"), () => {
  testDriver("rabbitmq", () => {
    const url = rabbitmq.url ?? "";
    const prefix = freshPrefix();
    return {
      driver: rabbitmqDriver({ url, prefix, timeoutMs: 60_000 }),
      close: (queues) => deleteQueues(url, prefix, queues),
    };
  });
});
