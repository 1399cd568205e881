import type { RedisCommander } from "ioredis";
import type { JobStorage, LiveWorkerRecord, Target, UnattendedStatus, WorkerRecord } from "../driver.js";
import { CONSUMER_MS, MAX_RUNNING, unattendedStatuses } from "../driver-rules.js";
import { runPipeline, valuesOf } from "./connection.js";
import { type Keys, SPAN, scoreOf } from "./keys.js";
import { evaluate, scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** Values of a worker that announces itself, as lua/write/renew-leases.lua describes them. null: none does. */
export function workerArgs(worker: WorkerRecord | null, targets: readonly Target[]): readonly string[] {
  if (worker === null) return ["", "", "", "", "", ""];
  const { id, queue, from, working, limit } = worker;
  const running = targets.slice(0, MAX_RUNNING).map((target) => target.id);
  const statuses = JSON.stringify({ from, working });
  return [id, JSON.stringify(queue), JSON.stringify(worker), statuses, limit?.field ?? "", JSON.stringify(running)];
}

/** Reads the live workers, and the queues that workers have consumed. */
export async function readWorkers(
  client: RedisCommander,
  keys: Keys,
  withRunning: boolean,
): ReturnType<JobStorage["workers"]> {
  const touched = [keys.workers, keys.workerEnds, keys.consumers];
  const reply = await evaluate(client, scripts.workers, touched, [withRunning ? "1" : ""]);
  const [, records, consumers, now] = reply as readonly [string, readonly string[], readonly string[], number];
  return {
    live: pairsOf(records).map(readRecord),
    consumers: pairsOf(consumers).flatMap(([queue, text]) => {
      const [, day, statuses] = /^(?:(\d+) )?(.*)$/s.exec(text) ?? [];
      const isForgotten = day !== undefined && Number(day) < now - CONSUMER_MS;
      return isForgotten ? [] : [{ queue: JSON.parse(queue), ...JSON.parse(statuses ?? "") }];
    }),
  };
}

function pairsOf(list: readonly string[]): readonly (readonly [string, string])[] {
  return Array.from({ length: list.length / 2 }, (_, n) => [list[2 * n] ?? "", list[2 * n + 1] ?? ""]);
}

function readRecord([text, running]: readonly [string, string]): LiveWorkerRecord {
  const [seenAt, json = ""] = text.split(/ (.*)/s, 2);
  return { running: running === "" ? [] : JSON.parse(running), ...JSON.parse(json), seenAt: Number(seenAt) };
}

/** Finds the statuses in which jobs wait and that no live worker names. Reads one job of each. */
export async function findUnattended(
  session: RedisSession,
  { live, consumers }: Awaited<ReturnType<JobStorage["workers"]>>,
  end: number,
): Promise<readonly UnattendedStatus[]> {
  const statuses = unattendedStatuses(live, consumers);
  if (statuses.size === 0) return [];
  return session.read(
    async ({ client, metadata }) => {
      const codes = metadata.codes.filter(({ status }) => statuses.has(status));
      const now = session.serverTime() ?? Date.now();
      const oldest = codes.map(({ code, ttlMs }) => {
        // An expired job is not counted.
        const lowest = scoreOf(code, ttlMs === 0 ? 0 : now - ttlMs);
        const range = [lowest, scoreOf(code, SPAN - 1), "WITHSCORES", "LIMIT", 0, 1] as const;
        return ["zrangebyscore", session.keys.statuses, ...range] as const;
      });
      const found = valuesOf(await runPipeline(client, oldest)) as readonly (readonly string[])[];
      const waits = new Map<string, number>();
      for (const [n, { status }] of codes.entries()) {
        const score = found[n]?.[1];
        if (score === undefined) continue;
        const waitMs = now - (Number(score) % SPAN);
        waits.set(status, Math.max(waits.get(status) ?? 0, waitMs));
      }
      return Array.from(waits, ([status, waitMs]) => ({ status, queues: statuses.get(status) ?? [], waitMs }));
    },
    { end, retries: false },
  );
}
