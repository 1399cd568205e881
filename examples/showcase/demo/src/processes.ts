import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { removeTraces } from "./remove-traces.js";
import { type Supervised, supervise } from "./supervise.js";
import { type System, samples } from "./system.js";

const LOG_LINES = 20;

export interface ProcessesOptions {
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  readonly say: (text: string) => void;
  readonly stop: AbortSignal;
}

/**
 * The three apps as processes of their own, on real servers that may hold other people's data: all keys and queues have
 * a random prefix, and are removed at the end.
 */
export async function startProcesses({ redisUrl, rabbitmqUrl, say, stop }: ProcessesOptions): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-demo-"));
  const logPath = join(folder, "apps.log");
  const logFile = await open(logPath, "a");
  const name = `demo-${randomBytes(6).toString("hex")}`;
  const prefixes = { keyPrefix: `${name}:`, queuePrefix: `${name}.` };
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    LOG_LEVEL: "warn",
    ...process.env,
    REDIS_URL: redisUrl,
    RABBITMQ_URL: rabbitmqUrl,
    REDIS_KEY_PREFIX: prefixes.keyPrefix,
    RABBITMQ_PREFIX: prefixes.queuePrefix,
    SUBTITLE_STORAGE_PATH: join(folder, "subtitles"),
    DOWNLOAD_BASE_URL: url,
    API_HOST: "127.0.0.1",
    API_PORT: String(port),
    // It looks ten times a second.
    API_REQUESTS_PER_MINUTE: "100000",
    SUBTITLE_LIBRARY_PATH: samples.library,
    MEDIA_PATH: samples.media,
    TRANSLATION_MEMORY_PATH: samples.translationMemory,
    TRANSLATION_MIN_COVERAGE: String(samples.minCoverage),
    TRANSLATION_BATCH_SIZE: String(samples.batchSize),
    DEMO_BATCH_PAUSE_MS: String(samples.pauseMs),
  };

  const apps = await Promise.all(
    ["manager", "downloader", "translator"].map((app) => supervise({ app, env, logFile: logFile.fd, say })),
  );
  const log = async () => (await readFile(logPath, "utf8")).trimEnd().split("\n").slice(-LOG_LINES).join("\n");
  async function close() {
    await Promise.all(apps.map((app) => app[Symbol.asyncDispose]()));
    for (const left of await removeTraces({ redisUrl, rabbitmqUrl, ...prefixes })) say(`Could not remove ${left}`);
    await logFile.close();
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await untilItAnswers(url, apps, stop);
  } catch (error) {
    say(await log());
    await close();
    throw error;
  }
  return {
    url,
    log,
    about: `a process each, real servers: keys ${prefixes.keyPrefix}* and queues ${prefixes.queuePrefix}*`,
    [Symbol.asyncDispose]: close,
  };
}

async function untilItAnswers(url: string, apps: readonly Supervised[], signal: AbortSignal): Promise<void> {
  for (;;) {
    const dead = apps.find(({ gaveUp }) => gaveUp);
    if (dead) throw new Error(`The ${dead.app} does not start; its last words are above.`);
    const reply = await fetch(`${url}/livez`, { signal }).catch(() => null);
    if (reply) return;
    await delay(100, undefined, { signal });
  }
}

/** Free now; taken by the manager in a moment, and again if it is started anew. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No port to listen on.");
  return address.port;
}
