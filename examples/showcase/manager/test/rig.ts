import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createLog,
  createSubtitleFiles,
  memoryProviderStates,
  type SubtitleStore,
  subtitleJob,
} from "@showcase/contracts";
import { createJobStore, JobStoreError } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { createBroker } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { onTestFinished, vi } from "vitest";
import { z } from "zod";
import { jobDetail } from "../src/api/views.js";
import { keysInMemory, type ManagerOptions, startManager } from "../src/app.js";

export const film = { videoUrl: "https://films.example/1.mkv", videoTitle: "The Last Ferry", language: "en" };
export const srt = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n";

export const aProblem = z.looseObject({ detail: z.string(), code: z.string() });

// Time limit, long enough for a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** Body of the response, in the type of the schema. */
export async function read<S extends z.ZodType>(schema: S, reply: Response | Promise<Response>): Promise<z.output<S>> {
  return schema.parse(await (await reply).json());
}

/** Starts a manager on memory drivers, with functions that send requests to it. */
export async function startRig(options: Partial<ManagerOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "manager-"));
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const broker = createBroker({ driver: queuesInMemory() });
  const files = createSubtitleFiles(folder);
  const providers = memoryProviderStates();
  const manager = await startManager({
    store,
    broker,
    files,
    providers,
    keys: keysInMemory(),
    log: createLog("test", "silent"),
    host: "127.0.0.1",
    port: 0,
    ...options,
  });
  onTestFinished(async () => {
    await manager.close();
    await broker.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  const get = (path: string, init?: RequestInit) => fetch(`${manager.url}${path}`, init);
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${manager.url}${path}`, {
      method: "POST",
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      body: JSON.stringify(body) ?? null,
    });
  /** Creates a job. Returns it as the API does. */
  const submit = (order: Partial<typeof film> & { targetLanguage?: string } = {}) =>
    read(jobDetail, post("/api/v1/jobs", { ...film, ...order }));
  /** Changes a job like a worker. */
  async function complete(id: string, { file, language = "en" }: { file?: string; language?: string } = {}) {
    const job = await store.updateStatus(id, "downloading");
    if (file !== undefined) await files.save(id, language, file);
    return store.updateStatus(job, "completed", { result: { downloadUrl: "https://films.example/file" } });
  }
  const fail = (id: string, error = { message: "Not found anywhere." }) => store.updateStatus(id, "failed", { error });
  return { store, broker, files, providers, manager, get, post, submit, complete, fail };
}

/** Makes the store unavailable for the rest of the test. */
export function takeAway(store: SubtitleStore, call: "create" | "get" | "list", indeterminate = false): void {
  vi.spyOn(store, call).mockImplementation(async (...args: readonly unknown[]) => {
    const options = args[1];
    const jobId = options && typeof options === "object" && "id" in options ? String(options.id) : undefined;
    throw new JobStoreError("UNAVAILABLE", "redis://user:hunter2@host is unavailable", { indeterminate, jobId });
  });
}
