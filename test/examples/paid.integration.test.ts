import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRelay } from "@subtitles/queue";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  connectionEnv,
  createLog,
  createSubtitleFiles,
  openBroker,
  openStore,
  readSettings,
  translateQueue,
  uploadUrl,
} from "../../examples/showcase/contracts/src/index.js";
import { parseSubtitle } from "../../examples/showcase/contracts/src/subtitle/index.js";
import { removeTraces } from "../../examples/showcase/demo/src/remove-traces.js";
import { supervise } from "../../examples/showcase/demo/src/supervise.js";
import { showcaseApp } from "../../examples/showcase/demo/src/system.js";
import { linesIn, startOpenAi } from "../../examples/showcase/translator/test/providers/openai-stub.js";
import { server } from "../servers/require.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");

const CUES = 30;
const BATCH = 5;
/** Time at which the worker is killed, by the number of the request: before the reply, or when the worker receives the reply. */
const KILLED_AT: Readonly<Record<number, "before" | "with the reply">> = { 2: "before", 4: "with the reply" };

const time = (second: number) => `00:00:${String(second).padStart(2, "0")}`;
const source = Array.from(
  { length: CUES },
  (_, n) => `${n + 1}\n${time(n)},000 --> ${time(n)},900\nLine number ${n + 1}\n`,
);

const suite = (redis.url === null ? redis : rabbitmq).title("a translator that is killed while it uses a paid service");
describe.skipIf(redis.url === null || rabbitmq.url === null)(suite, () => {
  test("repeats only the requests in flight, and the result is complete", async () => {
    const folder = await mkdtemp(join(tmpdir(), "paid-"));
    const logFile = await open(join(folder, "log"), "a");
    let pid = 0;
    const repeatable = new Set<number>();
    const kill = () => process.kill(pid, "SIGKILL");
    const openAi = await startOpenAi(async (translations, { lines, nth }) => {
      const when = KILLED_AT[nth];
      if (when) for (const { id } of lines) repeatable.add(id);
      if (when === "before") kill();
      if (when === "with the reply") setImmediate(kill);
      return translations;
    });

    const prefix = `${redis.prefix}paid`;
    const variables = {
      REDIS_URL: redis.url ?? "",
      REDIS_KEY_PREFIX: `${prefix}:`,
      RABBITMQ_URL: rabbitmq.url ?? "",
      RABBITMQ_PREFIX: `${prefix}.`,
      SUBTITLE_STORAGE_PATH: join(folder, "subtitles"),
      TRANSLATION_PROVIDER: "openai",
      TRANSLATION_MEMORY_PATH: "",
      TRANSLATION_LEARNED_PATH: "",
      TRANSLATION_MIN_COVERAGE: "1",
      TRANSLATION_BATCH_SIZE: String(BATCH),
      OPENAI_BASE_URL: `${openAi.baseUrl}/v1`,
      OPENAI_API_KEY: "paid-by-the-line",
      LOG_LEVEL: "warn",
    };
    const env = readSettings(connectionEnv, variables);
    const log = createLog("test", "silent");
    const store = openStore(env, log);
    const broker = openBroker(env, log);
    const translator = await supervise({
      app: showcaseApp("translator"),
      env: { ...process.env, ...variables },
      logFile: logFile.fd,
      say(text) {
        pid = Number(/runs as process (\d+)/.exec(text)?.[1] ?? pid);
      },
    });
    const relay = createRelay({ outbox: store.outbox, broker, queues: [translateQueue] });
    onTestFinished(async () => {
      await relay.close();
      await translator[Symbol.asyncDispose]();
      await broker.close();
      await store.close();
      await logFile.close();
      await rm(folder, { recursive: true });
      const urls = { redisUrl: variables.REDIS_URL, rabbitmqUrl: variables.RABBITMQ_URL };
      await removeTraces({ ...urls, keyPrefix: `${prefix}:`, queuePrefix: `${prefix}.` });
    });

    const upload = uploadUrl(Buffer.from(source.join("\n")));
    const order = { videoUrl: upload, videoTitle: "One", language: "en", targetLanguage: "es" };
    const files = createSubtitleFiles(variables.SUBTITLE_STORAGE_PATH);
    await files.save("one", "en", source.join("\n"));
    const { job } = await store.create(order, { id: "one" });
    await expect.poll(() => store.get(job.id), { timeout: 150_000 }).toMatchObject({ status: "completed" });

    const sent = openAi.calls.flatMap((call) => linesIn(call).map(({ id }) => id));
    const sentAgain = sent.filter((id, at) => sent.indexOf(id) !== at);
    expect(new Set(sent).size).toBe(CUES);
    expect(sentAgain.filter((id) => !repeatable.has(id))).toEqual([]);
    expect(sentAgain.length).toBeLessThanOrEqual(Object.keys(KILLED_AT).length * BATCH);
    // The first kill leaves a batch without a reply, so at least this batch is sent again.
    expect(sentAgain.length).toBeGreaterThanOrEqual(BATCH);

    const done = await store.get(job.id);
    expect(done?.history.filter(({ to }) => to === "completed")).toHaveLength(1);
    expect(done?.result?.details?.translation).toMatchObject({
      total: CUES,
      covered: CUES,
      resumed: expect.any(Number),
    });
    expect(done?.result?.details?.translation).not.toMatchObject({ resumed: 0 });
    const { cues } = parseSubtitle((await files.read(job.id, "es")) ?? "");
    expect(cues.map(({ text }) => text)).toEqual(Array.from({ length: CUES }, (_, n) => `es:Line number ${n + 1}`));
    expect(await readdir(join(variables.SUBTITLE_STORAGE_PATH, ".checkpoints"))).toEqual([]);
  });
});
