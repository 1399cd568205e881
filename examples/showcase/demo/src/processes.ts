import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { removeTraces } from "./remove-traces.js";
import { type Supervised, supervise } from "./supervise.js";
import { type App, allTemplates, type System, samples, showcaseApps, templateApps } from "./system.js";

const LOG_LINES = 20;

export interface ProcessesOptions {
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  readonly say: (text: string) => void;
  readonly stop: AbortSignal;
}

/**
 * Runs each app of the showcase in its own process, on real servers that can contain other data. All keys and queues have a
 * random prefix, and are removed at the end.
 */
export function startProcesses(options: ProcessesOptions): Promise<System> {
  const settings = ({ name, folder, port, url }: Place) => ({
    API_HOST: "127.0.0.1",
    API_PORT: port,
    // The demo polls ten times per second.
    API_REQUESTS_PER_MINUTE: "100000",
    REDIS_KEY_PREFIX: `${name}:`,
    RABBITMQ_PREFIX: `${name}.`,
    SUBTITLE_STORAGE_PATH: join(folder, "subtitles"),
    DOWNLOAD_BASE_URL: url,
    SUBTITLE_LIBRARY_PATH: samples.library,
    MEDIA_PATH: samples.media,
    TRANSLATION_MEMORY_PATH: samples.translationMemory,
    TRANSLATION_MIN_COVERAGE: String(samples.minCoverage),
    TRANSLATION_BATCH_SIZE: String(samples.batchSize),
    DEMO_BATCH_PAUSE_MS: String(samples.pauseMs),
  });
  return startApps(showcaseApps, settings, options);
}

/** Runs the templates: in one process in memory, or each app in its own process on real servers, like `startProcesses`. */
export function startTemplates(
  options: Omit<ProcessesOptions, "redisUrl" | "rabbitmqUrl"> & Partial<ProcessesOptions>,
): Promise<System> {
  const settings = ({ name, folder, port }: Place) => ({
    HOST: "127.0.0.1",
    PORT: port,
    KEY_PREFIX: name,
    STORAGE_PATH: join(folder, "subtitles"),
  });
  const hasServers = options.redisUrl !== undefined && options.rabbitmqUrl !== undefined;
  return startApps(hasServers ? templateApps : [allTemplates], settings, options);
}

/** Random name of this run, its folder, and the address of its manager. */
interface Place {
  readonly name: string;
  readonly folder: string;
  readonly port: string;
  readonly url: string;
}

async function startApps(
  programs: readonly App[],
  settingsOf: (place: Place) => Readonly<Record<string, string>>,
  { redisUrl, rabbitmqUrl, say, stop }: Partial<ProcessesOptions> & Pick<ProcessesOptions, "say" | "stop">,
): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-demo-"));
  const logPath = join(folder, "apps.log");
  const logFile = await open(logPath, "a");
  const name = `demo-${randomBytes(6).toString("hex")}`;
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const servers = { REDIS_URL: redisUrl ?? "", RABBITMQ_URL: rabbitmqUrl ?? "" };
  const env = { LOG_LEVEL: "warn", ...process.env, ...servers, ...settingsOf({ name, folder, port, url }) };

  const apps = await Promise.all(programs.map((app) => supervise({ app, env, logFile: logFile.fd, say })));
  const log = async () => (await readFile(logPath, "utf8")).trimEnd().split("\n").slice(-LOG_LINES).join("\n");
  async function close() {
    await Promise.all(apps.map((app) => app[Symbol.asyncDispose]()));
    if (redisUrl !== undefined && rabbitmqUrl !== undefined) {
      const traces = { redisUrl, rabbitmqUrl, keyPrefix: `${name}:`, queuePrefix: `${name}.` };
      for (const left of await removeTraces(traces)) say(`Could not remove ${left}`);
    }
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
    about:
      redisUrl === undefined
        ? "one process, memory drivers"
        : `one process per app, real servers: keys ${name}:* and queues ${name}.*`,
    [Symbol.asyncDispose]: close,
  };
}

async function untilItAnswers(url: string, apps: readonly Supervised[], signal: AbortSignal): Promise<void> {
  for (;;) {
    const dead = apps.find(({ gaveUp }) => gaveUp);
    if (dead) throw new Error(`The ${dead.name} does not start. Its last log lines are above.`);
    const reply = await fetch(`${url}/livez`, { signal }).catch(() => null);
    if (reply) return;
    await delay(100, undefined, { signal });
  }
}

/** Returns a port that is free now. The manager uses it immediately, and again after each start. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No port to listen on.");
  return address.port;
}
