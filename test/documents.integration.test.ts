import { defineQueue } from "@subtitles/queue";
import { afterAll, beforeAll, describe, onTestFinished, test } from "vitest";
import { z } from "zod";
import { deleteQueues } from "../packages/queue/test/rabbitmq-queues.js";
import { allPrograms, asModule, type Program } from "./documents/programs.js";
import { expectOutputs, write } from "./documents/run.js";
import type { PrivateServer } from "./servers/private-server.js";
import { startRedis } from "./servers/redis.js";
import { privateServer, server } from "./servers/require.js";

const redisHere = privateServer("redis");
const rabbitmq = server("rabbitmq");
const ready = redisHere.available && rabbitmq.url !== null;
const onServers = allPrograms().filter(({ place }) => place === "servers" || place === "both");

describe.skipIf(!ready)(
  rabbitmq.title(redisHere.title("What documents show does what they say on real servers:")),
  () => {
    let redis: PrivateServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());

    test.each(onServers)(
      "$name",
      async (program) => {
        const prefix = `${rabbitmq.prefix}documents.`;
        onTestFinished(() => deleteQueues(rabbitmq.url ?? "", prefix, queuesOf(program)));
        const file = program.file.replace(".documents/", ".documents/on-servers/");
        const written = await write({ ...program, file }, withPrefix(asModule(program), prefix));
        await expectOutputs(program, written, { REDIS_URL: redis.url, RABBITMQ_URL: rabbitmq.url ?? "" });
      },
      90_000,
    );
  },
);

/** The broker may be someone's: names of queues are private to this run. */
function withPrefix(code: string, prefix: string): string {
  return code.replaceAll(/rabbitmqDriver\(\{([^}]*)\}/g, (_call, options: string) => {
    const others = options.replace(/,? *prefix: "[^"]*"/, "");
    return `rabbitmqDriver({ prefix: ${JSON.stringify(prefix)},${others}}`;
  });
}

/** What a program may have left on the broker. */
function queuesOf({ blocks }: Program) {
  const code = blocks.map((block) => block.code).join("\n");
  const delays = Array.from(code.matchAll(/retryDelaysMs: \[([\d_, ]*)\]/g), ([, list = ""]) => list.split(","));
  const retryDelaysMs = delays.flat().map((delay) => Number(delay.replaceAll("_", "")));
  const names = new Set(Array.from(code.matchAll(/defineQueue\(\{\s*name: "([^"]+)"/g), ([, name = ""]) => name));
  return [...names].map((name) => ({ ...defineQueue({ name, payload: z.unknown() as never }), retryDelaysMs }));
}
