import { describe, expect, test } from "vitest";
import { removeTraces } from "../../examples/showcase/demo/src/remove-traces.js";
import { isAlive } from "../processes.js";
import { server } from "../servers/require.js";
import { exitCode, leftovers, startDemo } from "./demo.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const suite = (redis.url === null ? redis : rabbitmq).title("the demo with real servers");

describe.skipIf(redis.url === null || rabbitmq.url === null)(suite, () => {
  const servers = { REDIS_URL: redis.url ?? "", RABBITMQ_URL: rabbitmq.url ?? "" };

  test("a worker that is killed during its work is restarted, every job ends as expected, and no keys, queues or files are left", async () => {
    const { demo, waitForOutput, output, files } = await startDemo(servers);
    const [, name = ""] = await waitForOutput(/queues (demo-[0-9a-f]+)\./);
    const [, translator] = await waitForOutput(/translator runs as process (\d+)/);
    await waitForOutput(/translating (2|3|4)\d\/\d+/);
    expect(await leftovers(servers, name)).not.toEqual([]);
    process.kill(Number(translator), "SIGKILL");

    await waitForOutput(/translator died \(SIGKILL\): it is started again/);
    expect(await exitCode(demo), output()).toBe(0);
    expect(output()).toContain("All jobs ended as expected");
    const timeline = output().split("\nThe Last Ferry, en → es\n").at(-1)?.split("\n\n")[0] ?? "";
    expect(timeline.match(/ translating +translator@/g)).toHaveLength(2);
    expect(timeline.match(/ completed /g)).toHaveLength(1);
    expect(await leftovers(servers, name)).toEqual([]);
    expect(await files()).toEqual([]);
  });

  test("the templates run as a process each, every job ends as expected, and no keys, queues or files are left", async () => {
    const { demo, waitForOutput, output, files } = await startDemo(servers, []);
    const [, name = ""] = await waitForOutput(/queues (demo-[0-9a-f]+)\./);
    for (const app of ["manager", "downloader", "translator"])
      await waitForOutput(new RegExp(`${app} runs as process`));
    expect(await exitCode(demo), output()).toBe(0);
    expect(output()).toContain("All jobs ended as expected");
    expect(output()).toMatch(/Translated: 35 of 36 cues/);
    expect(await leftovers(servers, name)).toEqual([]);
    expect(await files()).toEqual([]);
  });

  test("a worker that gets SIGTERM finishes its work first", async () => {
    const { demo, waitForOutput, output } = await startDemo(servers);
    const [, translator] = await waitForOutput(/translator runs as process (\d+)/);
    await waitForOutput(/translating (2|3|4)\d\/\d+/);
    process.kill(Number(translator), "SIGTERM");

    // Otherwise, the next worker would start the translation again.
    expect(await exitCode(demo), output()).toBe(0);
    const timeline = output().split("\nThe Last Ferry, en → es\n").at(-1)?.split("\n\n")[0] ?? "";
    expect(timeline.match(/ translating +translator@/g)).toHaveLength(1);
  });

  test("Ctrl-C stops the demo and leaves no keys, queues or files", async () => {
    const { demo, waitForOutput, output, files } = await startDemo(servers);
    const [, name = ""] = await waitForOutput(/queues (demo-[0-9a-f]+)\./);
    await waitForOutput(/translating \d+\/\d+/);
    demo.kill("SIGINT");
    await waitForOutput(/Stopping/);
    demo.kill("SIGINT"); // npm passes on the signal that the terminal has already sent
    expect(await exitCode(demo), output()).toBe(130);
    expect(await leftovers(servers, name)).toEqual([]);
    expect(await files()).toEqual([]);
  });

  test("the demo and its apps end with their test", async () => {
    const { waitForOutput, end } = await startDemo(servers);
    const [, name = ""] = await waitForOutput(/queues (demo-[0-9a-f]+)\./);
    const pids: number[] = [];
    for (const app of ["manager", "downloader", "translator"]) {
      pids.push(Number((await waitForOutput(new RegExp(`${app} runs as process (\\d+)`)))[1]));
    }
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    await end();
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false, false]);
    const urls = { redisUrl: servers.REDIS_URL, rabbitmqUrl: servers.RABBITMQ_URL };
    await removeTraces({ ...urls, keyPrefix: `${name}:`, queuePrefix: `${name}.` });
  });

  test("one address without the other is an error with the reason", async () => {
    const { demo, output } = await startDemo({ REDIS_URL: servers.REDIS_URL });
    expect(await exitCode(demo)).toBe(1);
    expect(output()).toContain("Set both REDIS_URL and RABBITMQ_URL");
  });
});
