import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { patiently } from "../patience.js";
import type { World } from "../world.js";
import { type Fault, nothingToHeal } from "./fault.js";

/** A setting that keeps the server from serving, until it is put back. */
function setting(kind: string, name: string, harmful: string, harmless: string): Fault {
  return {
    kind,
    weight: 2,
    holdMs: [200, 2_000],
    async inject({ admin }) {
      await admin.config("SET", name, harmful);
      return async () => void (await patiently(() => admin.config("SET", name, harmless)));
    },
  };
}

/** A replica of nobody: it takes no writes, and with `silent` no reads either. */
function replica(kind: string, silent: boolean): Fault {
  return {
    kind,
    weight: 2,
    holdMs: [200, 2_000],
    async inject({ admin }) {
      await admin.config("SET", "replica-serve-stale-data", silent ? "no" : "yes");
      await admin.replicaof("127.0.0.1", "1");
      return async () => void (await patiently(() => admin.replicaof("NO", "ONE")));
    },
  };
}

/** Saving fails, because a folder stands where the file should: the server then refuses to write. */
const cannotSave: Fault = {
  kind: "redis cannot save (MISCONF)",
  weight: 1,
  holdMs: [200, 1_500],
  async inject({ admin, redis }: World) {
    const obstacle = join(redis.folder, "dump.rdb");
    await rm(obstacle, { force: true });
    await mkdir(join(obstacle, "in-the-way"), { recursive: true });
    await admin.config("SET", "save", "3600 1000000");
    await admin.bgsave();
    await patiently(async () => {
      const info = await admin.info("persistence");
      if (!info.includes("rdb_last_bgsave_status:err")) throw new Error("it could save");
    }, 5_000);
    return async () => {
      await rm(obstacle, { recursive: true, force: true });
      await patiently(() => admin.config("SET", "save", ""));
    };
  },
};

/** All faults of Redis itself. One is over before the next begins. */
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
      await admin.call("CLIENT", "PAUSE", random.whole(100, 2_000), random.pick(["ALL", "WRITE"]));
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
    kind: "a script that does not end (BUSY)",
    weight: 2,
    holdMs: [100, 1_500],
    async inject({ admin }) {
      const endless = admin.duplicate();
      endless.on("error", () => {});
      const running = endless.eval("while true do end", 0).catch(() => undefined);
      return async () => {
        try {
          await patiently(() => admin.script("KILL"));
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
  replica("redis without its master (MASTERDOWN)", true),
  cannotSave,
];
