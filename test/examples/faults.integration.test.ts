import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createClient } from "../../examples/showcase/demo/src/client.js";
import { startProcesses } from "../../examples/showcase/demo/src/processes.js";
import { PATIENCE } from "../patience.js";
import { startRabbitmq } from "../servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../servers/redis.js";
import { privateServer, server } from "../servers/require.js";
import { exitCode, startDemo } from "./demo.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const film = { videoUrl: "https://films.example/the-last-ferry.mkv", videoTitle: "The Last Ferry", language: "en" };
const forever = new AbortController().signal;

const suite = (redis.url === null ? redis : rabbitmq).title("apps that are killed repeatedly");
describe.skipIf(redis.url === null || rabbitmq.url === null)(suite, () => {
  test("finish every job once", { timeout: 600_000 }, async () => {
    const pids = new Map<string, number>();
    const system = await startProcesses({
      redisUrl: redis.url ?? "",
      rabbitmqUrl: rabbitmq.url ?? "",
      stop: forever,
      say(text) {
        const [, app, pid] = /^(\w+) runs as process (\d+)/.exec(text) ?? [];
        if (app) pids.set(app, Number(pid));
      },
    });
    onTestFinished(() => system[Symbol.asyncDispose]());
    const client = createClient(system.url, forever);
    const kill = async (app: string) => {
      const pid = pids.get(app) ?? 0;
      process.kill(pid, "SIGKILL");
      await vi.waitFor(() => expect(pids.get(app)).not.toBe(pid), PATIENCE);
    };

    // Each job has its own address, because the same address would be the same job.
    const orders = Array.from({ length: 8 }, (_, n) => ({
      ...film,
      videoUrl: `https://films.example/${n}/the-last-ferry.mkv`,
      ...(n > 1 && { targetLanguage: "es" }),
    }));
    const ids = (await Promise.all(orders.map((order) => client.submit(order)))).map(({ id }) => id);
    await kill("downloader");
    const isTranslating = async () =>
      (await Promise.all(ids.map((id) => client.get(id)))).some((job) => job?.status === "translating" && job.progress);
    for (const app of ["translator", "downloader", "translator", "manager", "translator"]) {
      await expect.poll(isTranslating).toBe(true);
      await kill(app);
    }

    const ended = async () => (await Promise.all(ids.map((id) => client.get(id)))).map((job) => job?.status);
    await expect.poll(ended, { timeout: 300_000, interval: 250 }).toEqual(orders.map(() => "completed"));
    const texts = new Set<string>();
    for (const id of ids) {
      const job = await client.get(id);
      if (!job) throw new Error(`Job ${id} does not exist.`);
      const statuses = job.history.map(({ to }) => to);
      expect(
        statuses.filter((to) => to === "completed"),
        statuses.join(" "),
      ).toHaveLength(1);
      expect(
        statuses.filter((to, index) => to === "translating" && statuses[index - 1] === "downloading").length,
      ).toBeLessThanOrEqual(1);
      texts.add(await client.file(job));
    }
    expect(texts.size).toBe(2); // Each job has either the complete subtitle or the complete translation.
  });
});

const privateRedis = privateServer("redis");
const privateRabbitmq = privateServer("rabbitmq");
const servers = (privateRedis.available ? privateRabbitmq : privateRedis).title("the demo");
describe.skipIf(!privateRedis.available || !privateRabbitmq.available)(servers, () => {
  async function startServers() {
    const started = await Promise.all([startRedis({ args: PERSISTENT }), startRabbitmq()]);
    onTestFinished(async () => void (await Promise.all(started.map((server) => server.stop()))));
    const all = async (action: "kill" | "restart") =>
      void (await Promise.all(started.map((server) => server[action]())));
    return { env: { REDIS_URL: started[0].url, RABBITMQ_URL: started[1].url }, all };
  }

  test("waits for servers that are not running yet, and finishes all jobs", async () => {
    const { env, all } = await startServers();
    await all("kill");
    const { demo, waitForOutput, output } = await startDemo(env);
    const [, url = ""] = await waitForOutput(/answers at (\S+)/);

    const rejected = await fetch(`${url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(film),
    });
    expect([rejected.status, rejected.headers.has("retry-after")]).toEqual([503, true]);
    expect(await rejected.json()).toMatchObject({ detail: expect.stringContaining("job store") });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);

    await all("restart");
    expect(await exitCode(demo), output()).toBe(0);
  });

  test("continues after its servers were killed and restarted", async () => {
    const { env, all } = await startServers();
    const { demo, waitForOutput, output } = await startDemo(env);
    await waitForOutput(/translating (2|3|4)\d\/\d+/);
    await all("kill");
    await all("restart");
    expect(await exitCode(demo), output()).toBe(0);
    expect(output()).not.toContain("died");
  });
});
