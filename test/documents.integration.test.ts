import { defineQueue } from "@subtitles/queue";
import { afterAll, beforeAll, describe, onTestFinished, test } from "vitest";
import { z } from "zod";
import { deleteQueues } from "../packages/queue/test/rabbitmq-queues.js";
import { allPrograms, asModule, expectOutputs, type Program, writeProgram } from "./documents/programs.js";
import type { PrivateServer } from "./servers/private-server.js";
import { startRedis } from "./servers/redis.js";
import { privateServer, server } from "./servers/require.js";

const privateRedis = privateServer("redis");
const rabbitmq = server("rabbitmq");
const ready = privateRedis.available && rabbitmq.url !== null;
const onServers = allPrograms().filter(({ environment }) => environment === "servers" || environment === "both");

describe.skipIf(!ready)(
  rabbitmq.title(privateRedis.title("Code in documents prints the output that the document shows, with real servers:")),
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
        const written = await writeProgram({ ...program, file }, withPrefix(asModule(program), prefix));
        await expectOutputs(program, written, { REDIS_URL: redis.url, RABBITMQ_URL: rabbitmq.url ?? "" });
      },
      90_000,
    );
  },
);

/** Adds the prefix of the run to the queue names of a program, because other programs may use the broker, too. */
function withPrefix(code: string, prefix: string): string {
  return code.replaceAll(/rabbitmqDriver\(\{([^}]*)\}/g, (_call, options: string) => {
    const others = options.replace(/,? *prefix: "[^"]*"/, "");
    return `rabbitmqDriver({ prefix: ${JSON.stringify(prefix)},${others}}`;
  });
}

/** Returns definitions of the queues that a program can have declared on the broker. */
function queuesOf({ blocks }: Program) {
  const code = blocks.map((block) => block.code).join("\n");
  const delays = Array.from(code.matchAll(/retryDelaysMs: \[([\d_, ]*)\]/g), ([, list = ""]) => list.split(","));
  const retryDelaysMs = delays.flat().map((delay) => Number(delay.replaceAll("_", "")));
  const names = new Set(Array.from(code.matchAll(/defineQueue\(\{\s*name: "([^"]+)"/g), ([, name = ""]) => name));
  return [...names].map((name) => ({ ...defineQueue({ name, payload: z.unknown() as never }), retryDelaysMs }));
}
