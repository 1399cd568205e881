import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { deadLetter, type Message } from "../src/index.js";
import { createWorker, type Outcome, type WorkerEvent } from "../src/worker.js";
import { openChannel } from "./rabbitmq-queues.js";
import { openSetting } from "./worker-servers/setting.js";
import { type Films, renderings } from "./worker-suite/films.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";
const OLD_LETTERS = 500;
const WORKERS = 50;

interface Run {
  readonly message: Message<typeof renderings>;
  finish(outcome: Outcome<Films, "rendering">): void;
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("messages that RabbitMQ dead-lettered"), () => {
  test("fail their job once, although many workers search and old letters precede them; leased and handled jobs stay unchanged", async () => {
    const setting = await openSetting(url);
    const { broker, store } = setting;
    const dead = async () => (await broker.stats(renderings)).dead;
    await broker.publishMany(renderings, Array(OLD_LETTERS).fill({ payload: { jobId: "old" } }));
    const consumer = await broker.consume(renderings, async () => deadLetter("old"), { concurrency: 200 });
    await vi.waitFor(async () => expect(await dead()).toBe(OLD_LETTERS), PATIENCE);
    await consumer.close();

    const events: WorkerEvent[] = [];
    const runs = new Map<string, Run>();
    const start = (recoverEveryMs: number) => {
      const worker = createWorker({
        store,
        broker,
        queue: renderings,
        from: ["pending", "waiting"],
        working: "rendering",
        concurrency: 2,
        recoverEveryMs,
        onEvent: (event) => events.push(event),
        run: (job, { message }) => new Promise((resolve) => runs.set(job.id, { message, finish: resolve })),
      });
      onTestFinished(() => worker.close({ graceMs: 0 }));
      return worker;
    };
    const runner = start(0);
    for (const id of ["leased", "handled"]) await setting.request(id);
    await vi.waitUntil(() => runs.size === 2, PATIENCE);
    runs.get("handled")?.finish({ to: "waiting" });
    await setting.reaches("handled", "waiting");
    runner.pause();

    // Takes the place of workers that die before they claim a job.
    const channel = await openChannel(url);
    await channel.consume(`${setting.prefix}renderings`, (message) => message && channel.nack(message, false, false));
    const [leased, handled] = [runs.get("leased")?.message, runs.get("handled")?.message];
    await broker.publish(renderings, { jobId: "handled" }, { id: handled?.id, origin: handled?.origin });
    // This message became due after the claim, so the claim does not cover it.
    const origin: unknown[] = JSON.parse(leased?.origin ?? "");
    origin[6] = Date.now() + 1;
    await broker.publish(renderings, { jobId: "leased" }, { origin: JSON.stringify(origin) });
    await setting.request("lost");
    await vi.waitFor(async () => expect(await dead()).toBe(OLD_LETTERS + 3), PATIENCE);
    await channel.close();

    const recovered = () => events.flatMap(({ type, jobId }) => (type === "recovered" ? [jobId] : [])).toSorted();
    for (let worker = 0; worker < WORKERS; worker++) start(1_000);
    await setting.reaches("lost", "failed");
    await vi.waitFor(() => expect(recovered()).toEqual(["handled", "lost"]), PATIENCE);
    expect(await setting.status("leased")).toBe("rendering");
    runs.get("leased")?.finish({ to: "done", result: { url: "/" } });
    await setting.reaches("leased", "done");
    await vi.waitFor(() => expect(recovered()).toEqual(["handled", "leased", "lost"]), PATIENCE);
    // The broker does not count the letters that a search examines.
    await vi.waitFor(async () => expect(await dead()).toBe(OLD_LETTERS), PATIENCE);

    const lost = await store.get("lost");
    expect(lost).toMatchObject({ error: { code: "DEAD_LETTERED", retryable: true } });
    expect(lost?.history.filter(({ to }) => to === "failed")).toHaveLength(1);
    expect(await setting.status("handled")).toBe("waiting");
    expect(recovered()).toEqual(["handled", "leased", "lost"]);
    expect(runs.size).toBe(2);
  });
});
