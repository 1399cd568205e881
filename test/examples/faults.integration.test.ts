import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createClient } from "../../examples/demo/src/client.js";
import { startProcesses } from "../../examples/demo/src/processes.js";
import { PATIENCE } from "../patience.js";
import { startRabbitmq } from "../servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../servers/redis.js";
import { privateServer, server } from "../servers/require.js";
import { exitCode, startDemo } from "./start-demo.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const film = { videoUrl: "https://films.example/the-last-ferry.mkv", videoTitle: "The Last Ferry", language: "en" };
const forever = new AbortController().signal;

const suite = (redis.url === null ? redis : rabbitmq).title("apps that are killed");
describe.skipIf(redis.url === null || rabbitmq.url === null)(suite, () => {
  test("again and again, in the middle of their work, finish every job once", { timeout: 600_000 }, async () => {
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

    // The same film at eight addresses: the same address would be the same job.
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
      if (!job) throw new Error(`Job ${id} is gone.`);
      const steps = job.history.map(({ to }) => to);
      expect(
        steps.filter((to) => to === "completed"),
        steps.join(" "),
      ).toHaveLength(1);
      expect(
        steps.filter((to, index) => to === "translating" && steps[index - 1] === "downloading").length,
      ).toBeLessThanOrEqual(1);
      texts.add(await client.file(job));
    }
    expect(texts.size).toBe(2); // the subtitle and its translation: each job has one of them, whole
  });
});

const privateRedis = privateServer("redis");
const privateRabbitmq = privateServer("rabbitmq");
const servers = (privateRedis.available ? privateRabbitmq : privateRedis).title("the demo, with servers that");
describe.skipIf(!privateRedis.available || !privateRabbitmq.available)(servers, () => {
  async function startServers() {
    const started = await Promise.all([startRedis({ args: PERSISTENT }), startRabbitmq()]);
    onTestFinished(async () => void (await Promise.all(started.map((server) => server.stop()))));
    const all = async (step: "kill" | "restart") => void (await Promise.all(started.map((server) => server[step]())));
    return { env: { REDIS_URL: started[0].url, RABBITMQ_URL: started[1].url }, all };
  }

  test("are not there yet, waits and ends as it should", async () => {
    const { env, all } = await startServers();
    await all("kill");
    const { demo, says, output } = await startDemo(env);
    const [, url = ""] = await says(/answers at (\S+)/);

    const refused = await fetch(`${url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(film),
    });
    expect([refused.status, refused.headers.has("retry-after")]).toEqual([503, true]);
    expect(await refused.json()).toMatchObject({ detail: expect.stringContaining("job store") });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);

    await all("restart");
    expect(await exitCode(demo), output()).toBe(0);
  });

  test("are killed in the middle, goes on when they return", async () => {
    const { env, all } = await startServers();
    const { demo, says, output } = await startDemo(env);
    await says(/translating (2|3|4)\d\/\d+/);
    await all("kill");
    await all("restart");
    expect(await exitCode(demo), output()).toBe(0);
    expect(output()).not.toContain("died");
  });
});
