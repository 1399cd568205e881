import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { retry } from "../retry.js";
import { type Environment, type Fault, nothingToHeal } from "./fault.js";

/** Creates a fault that sets a server parameter to `faulty`, and back to `normal`. */
function setting(kind: string, name: string, faulty: string, normal: string): Fault {
  return {
    kind,
    weight: 2,
    holdMs: [200, 2_000],
    async inject({ admin }) {
      await admin.config("SET", name, faulty);
      return async () => void (await retry(() => admin.config("SET", name, normal)));
    },
  };
}

/** Creates a fault that makes the server a replica of a master that does not exist. It then rejects writes and, with `rejectsReads`, also reads. */
function replica(kind: string, rejectsReads: boolean): Fault {
  return {
    kind,
    weight: 2,
    holdMs: [200, 2_000],
    async inject({ admin }) {
      await admin.config("SET", "replica-serve-stale-data", rejectsReads ? "no" : "yes");
      await admin.replicaof("127.0.0.1", "1");
      return async () => void (await retry(() => admin.replicaof("NO", "ONE")));
    },
  };
}

/** Makes saving fail with a folder at the path of the file. The server then rejects writes. */
const cannotSave: Fault = {
  kind: "redis cannot save (MISCONF)",
  weight: 1,
  holdMs: [200, 1_500],
  async inject({ admin, redis }: Environment) {
    const folder = join(redis.folder, "dump.rdb");
    await rm(folder, { force: true });
    await mkdir(join(folder, "blocker"), { recursive: true });
    await admin.config("SET", "save", "3600 1000000");
    await admin.bgsave();
    await retry(async () => {
      const info = await admin.info("persistence");
      if (!info.includes("rdb_last_bgsave_status:err")) throw new Error("Redis could still save its data.");
    }, 5_000);
    return async () => {
      await rm(folder, { recursive: true, force: true });
      await retry(() => admin.config("SET", "save", ""));
    };
  },
};

const LATE_WORKERS = 2;
const LATE_MS = 2_000;

/** Faults of Redis itself. They never overlap. */
export const redisFaults: readonly Fault[] = [
  {
    kind: "redis kill -9",
    weight: 4,
    holdMs: [50, 1_500],
    async inject({ redis }) {
      await redis.kill();
      return () => redis.restart();
    },
  },
  {
    // Must not end a lease, also if a worker is late to renew its leases after the outage.
    kind: "redis kill -9 for longer than a lease",
    weight: 1,
    holdMs: [8_000, 10_000],
    async inject({ redis, clients }) {
      const late = clients.filter(({ name }) => name.startsWith("worker")).slice(0, LATE_WORKERS);
      for (const worker of late) worker.signal("SIGSTOP");
      await redis.kill();
      return async () => {
        await redis.restart();
        await pause(LATE_MS);
        for (const worker of late) worker.signal("SIGCONT");
      };
    },
  },
  {
    kind: "redis stopped",
    weight: 4,
    holdMs: [200, 3_000],
    async inject({ redis }) {
      await redis.kill("SIGSTOP");
      return () => redis.kill("SIGCONT");
    },
  },
  {
    kind: "CLIENT PAUSE",
    weight: 2,
    holdMs: [100, 2_000],
    async inject({ admin }, random) {
      await admin.call("CLIENT", "PAUSE", random.integer(100, 2_000), random.pick(["ALL", "WRITE"]));
      return nothingToHeal;
    },
  },
  {
    kind: "CLIENT KILL",
    weight: 5,
    holdMs: [0, 100],
    async inject({ admin }) {
      await admin.call("CLIENT", "KILL", "TYPE", "normal");
      return nothingToHeal;
    },
  },
  {
    kind: "SCRIPT FLUSH",
    weight: 4,
    holdMs: [0, 100],
    async inject({ admin }) {
      await admin.script("FLUSH");
      return nothingToHeal;
    },
  },
  {
    kind: "redis blocked by an endless script (BUSY)",
    weight: 2,
    holdMs: [100, 1_500],
    async inject({ admin }) {
      const endless = admin.duplicate();
      endless.on("error", () => {});
      const running = endless.eval("while true do end", 0).catch(() => undefined);
      return async () => {
        try {
          await retry(() => admin.script("KILL"));
          await running;
        } finally {
          endless.disconnect();
        }
      };
    },
  },
  {
    kind: "append-only file rewritten",
    weight: 1,
    holdMs: [0, 100],
    async inject({ admin }) {
      await admin.bgrewriteaof();
      return nothingToHeal;
    },
  },
  setting("redis out of memory (OOM)", "maxmemory", "1", "0"),
  setting("too few replicas (NOREPLICAS)", "min-replicas-to-write", "1", "0"),
  replica("redis read-only (READONLY)", false),
  replica("redis without a master (MASTERDOWN)", true),
  cannotSave,
];
