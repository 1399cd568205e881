import { describe, expect, onTestFinished, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { defineQueue } from "../src/index.js";
import { PATIENCE } from "../src/lib/contract/fixture.js";
import { deleteQueues, onServer, openChannel, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Node warns of a leak if there are more than ten listeners. */
const MANY = 12;

/** Messages of the warnings that Node emits until the test ends. */
function collectWarnings(): readonly string[] {
  const warnings: string[] = [];
  const collect = (warning: Error) => warnings.push(`${warning.name}: ${warning.message}`);
  process.on("warning", collect);
  onTestFinished(() => void process.off("warning", collect));
  return warnings;
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("listeners"), () => {
  test(`${MANY} consumers of one broker cause no warning about listeners`, async () => {
    const warnings = collectWarnings();
    const { broker, prefix } = onServer(url);
    const here = broker();
    const queues = Array.from({ length: MANY }, (_, n) =>
      defineQueue({ ...tasks, name: `tasks${n}`, type: "classic" }),
    );
    onTestFinished(() => deleteQueues(url, prefix, queues));
    await Promise.all(queues.map((queue) => here.consume(queue, async () => {})));
    await here.close();
    expect(warnings).toEqual([]);
  });

  test(`${MANY} channels that replace one another on one connection cause no warning about listeners`, async () => {
    const warnings = collectWarnings();
    const { broker, prefix } = onServer(url);
    const here = broker();
    // When the deletion of a classic queue is confirmed, the queue and its consumers no longer exist.
    const classic = defineQueue({ ...tasks, type: "classic" });
    await here.consume(classic, async () => {});
    const channel = await openChannel(url);
    for (let n = 0; n < MANY; n++) {
      await channel.deleteQueue(`${prefix}tasks`);
      await expect.poll(async () => (await here.stats(classic)).consumers, PATIENCE).toBe(1);
    }
    expect(await here.health()).toMatchObject({ reconnects: 0 });
    expect(warnings).toEqual([]);
  });
});
