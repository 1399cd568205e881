// Runs the service. Without arguments, all apps run in this process. With arguments, the named apps run:
//
//   npm start                       all apps, in memory or on the servers of REDIS_URL and RABBITMQ_URL
//   npm start -- manager            only the manager; the other apps run in other processes
import type { z } from "zod";
import { openBroker, openStore } from "./contracts/connect.js";
import { openFiles } from "./contracts/files.js";
import { createLog } from "./contracts/log.js";
import { connectionSettings, readSettings, SettingsError } from "./contracts/settings.js";
import { downloaderSettings, startDownloader } from "./downloader/app.js";
import { managerSettings, startManager } from "./manager/app.js";
import { createMetrics } from "./manager/metrics.js";
import { startTranslator, translatorSettings } from "./translator/app.js";

const allSettings = { ...connectionSettings, ...managerSettings, ...downloaderSettings, ...translatorSettings };
const settings = settingsOrExit();
const log = createLog(settings.LOG_LEVEL);
const metrics = createMetrics();
const store = openStore(settings, log, metrics.meterProvider);
const broker = openBroker(settings, log, metrics.meterProvider);
const resources = { store, broker, files: openFiles(settings.STORAGE_PATH), log, metrics };

const apps: Readonly<Record<string, () => Promise<{ close(): Promise<void> }>>> = {
  manager: () => startManager(resources, settings),
  downloader: async () => startDownloader(resources, settings),
  translator: () => startTranslator(resources, settings),
};

const stopped = new Promise((resolve) => {
  // After Ctrl-C, this process receives the signal twice: from the terminal and from npm. The second one must not end it early.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, resolve);
});
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(apps);
const isInMemory = settings.REDIS_URL === undefined;
log.info({ apps: names }, isInMemory ? "in memory: all jobs are lost when this process ends" : "on Redis and RabbitMQ");
const running = await Promise.all(names.map(start));
await stopped;

// Closes the workers before the manager, whose relay sends the messages of their last jobs. Then closes the connections.
for (const app of running.reverse()) await app.close();
await broker.close();
await store.close();

function start(name: string) {
  const app = apps[name];
  if (app === undefined) return exitWith(`There is no app "${name}". The apps are ${Object.keys(apps).join(", ")}.`);
  return app().catch((error: unknown) => exitWith(`${name}: ${error instanceof Error ? error.message : error}`));
}

function settingsOrExit(): z.output<z.ZodObject<typeof allSettings>> {
  try {
    const read = readSettings(allSettings);
    const servers = ["REDIS_URL", "RABBITMQ_URL"] as const;
    const missing = servers.filter((name) => read[name] === undefined);
    const canRunInMemory = missing.length === servers.length && process.argv.length === 2;
    if (missing.length === 0 || canRunInMemory) return read;
    return exitWith(`Set ${missing.join(" and ")}. Without both addresses, only all apps together can run, in memory.`);
  } catch (error) {
    if (error instanceof SettingsError) return exitWith(error.message);
    throw error;
  }
}

function exitWith(message: string): never {
  console.error(message);
  process.exit(1);
}
