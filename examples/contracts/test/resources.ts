import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createMetrics } from "../../manager/metrics.js";
import { openBroker, openStore } from "../connect.js";
import { openFiles } from "../files.js";
import { createLog } from "../log.js";
import { connectionSettings, readSettings } from "../settings.js";

/** Creates a folder, which is removed at the end of the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "service-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens the resources of an app, in memory. They are closed at the end of the test. */
export async function openResources() {
  const settings = readSettings(connectionSettings, { LOG_LEVEL: "silent", STORAGE_PATH: await temporaryFolder() });
  const log = createLog(settings.LOG_LEVEL);
  const metrics = createMetrics();
  const store = openStore(settings, log, metrics.meterProvider);
  const broker = openBroker(settings, log, metrics.meterProvider);
  onTestFinished(async () => {
    await broker.close();
    await store.close();
  });
  return { store, broker, files: openFiles(settings.STORAGE_PATH), log, metrics };
}
