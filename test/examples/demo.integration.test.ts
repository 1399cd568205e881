import { describe, expect, test } from "vitest";
import { removeTraces } from "../../examples/demo/src/remove-traces.js";
import { isAlive } from "../processes.js";
import { server } from "../servers/require.js";
import { leftovers } from "./leftovers.js";
import { exitCode, startDemo } from "./start-demo.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const suite = (redis.url === null ? redis : rabbitmq).title("the demo on real servers");

describe.skipIf(redis.url === null || rabbitmq.url === null)(suite, () => {
  const servers = { REDIS_URL: redis.url ?? "", RABBITMQ_URL: rabbitmq.url ?? "" };

  test("a worker killed in the middle is started again, every job ends as it should, and nothing is left behind", async () => {
    const { demo, says, output, files } = await startDemo(servers);
    const [, name = ""] = await says(/queues (demo-[0-9a-f]+)\./);
    const [, translator] = await says(/translator runs as process (\d+)/);
    await says(/translating (2|3|4)\d\/\d+/);
    expect(await leftovers(servers, name)).not.toEqual([]);
    process.kill(Number(translator), "SIGKILL");

    await says(/translator died \(SIGKILL\): it is started again/);
    expect(await exitCode(demo), output()).toBe(0);
    expect(output()).toContain("All ended as they should");
    const timeline = output().split("\nThe Last Ferry, en → es\n").at(-1)?.split("\n\n")[0] ?? "";
    expect(timeline.match(/ translating +translator@/g)).toHaveLength(2);
    expect(timeline.match(/ completed /g)).toHaveLength(1);
    expect(await leftovers(servers, name)).toEqual([]);
    expect(await files()).toEqual([]);
  });

  test("a worker that is told to stop finishes its work first", async () => {
    const { demo, says, output } = await startDemo(servers);
    const [, translator] = await says(/translator runs as process (\d+)/);
    await says(/translating (2|3|4)\d\/\d+/);
    process.kill(Number(translator), "SIGTERM");

    // Had it ended at once, its successor would have begun the translation again.
    expect(await exitCode(demo), output()).toBe(0);
    const timeline = output().split("\nThe Last Ferry, en → es\n").at(-1)?.split("\n\n")[0] ?? "";
    expect(timeline.match(/ translating +translator@/g)).toHaveLength(1);
  });

  test("Ctrl-C stops it and leaves nothing behind", async () => {
    const { demo, says, output, files } = await startDemo(servers);
    const [, name = ""] = await says(/queues (demo-[0-9a-f]+)\./);
    await says(/translating \d+\/\d+/);
    demo.kill("SIGINT");
    await says(/Stopping/);
    demo.kill("SIGINT"); // npm passes on what the terminal has sent already
    expect(await exitCode(demo), output()).toBe(130);
    expect(await leftovers(servers, name)).toEqual([]);
    expect(await files()).toEqual([]);
  });

  test("a test that ends early ends the demo and its apps", async () => {
    const { says, end } = await startDemo(servers);
    const [, name = ""] = await says(/queues (demo-[0-9a-f]+)\./);
    const pids: number[] = [];
    for (const app of ["manager", "downloader", "translator"]) {
      pids.push(Number((await says(new RegExp(`${app} runs as process (\\d+)`)))[1]));
    }
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    await end();
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false, false]);
    const traces = { redisUrl: servers.REDIS_URL, rabbitmqUrl: servers.RABBITMQ_URL };
    await removeTraces({ ...traces, keyPrefix: `${name}:`, queuePrefix: `${name}.` });
  });

  test("one address without the other is refused with a word on it", async () => {
    const { demo, output } = await startDemo({ REDIS_URL: servers.REDIS_URL });
    expect(await exitCode(demo)).toBe(1);
    expect(output()).toContain("Set both REDIS_URL and RABBITMQ_URL");
  });
});
