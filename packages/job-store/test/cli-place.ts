import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { server } from "../../../test/servers/require.js";
import { createJobStore } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { runHere } from "./run-cli.js";

export const redis = server("redis");

export const environment = (prefix: string) => ({ REDIS_URL: redis.url ?? "", REDIS_KEY_PREFIX: prefix });

/** Runs a command in this process, which is much faster than a process for each command. */
export const cli = (prefix: string, args: readonly string[], input = "") =>
  runHere(args, environment(prefix), { input });

/** Opens a store under a new prefix, with a waiting, a failed and a finished job. */
export async function openPlace() {
  const prefix = `${redis.prefix}cli-${randomUUID()}:`;
  const driver = redisDriver({ url: redis.url ?? "", keyPrefix: prefix, timeoutMs: 60_000 });
  const store = createJobStore<Report>({ job: report, driver, ttlSeconds: { failed: 60 } });
  onTestFinished(() => store.close());
  await store.create({ title: "Q1", label: "blue" }, { id: "a" });
  await store.create({ title: "Q2", owner: "Ann" }, { id: "b" });
  await store.updateStatus("b", "failed", { error: { message: "no \u001b[31mpaper" } });
  await store.create({ title: "Q3" }, { id: "c" });
  for (const to of ["working", "done"] as const) await store.updateStatus("c", to, { by: "w1" });
  return { prefix, driver, store, run: (args: readonly string[], input?: string) => cli(prefix, args, input) };
}

/** Parses the JSON lines of an output. */
export const lines = (out: string): Record<string, unknown>[] =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
