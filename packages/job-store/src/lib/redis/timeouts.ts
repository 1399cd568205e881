import type { RedisCommander } from "ioredis";
import type { JobStorage, StoreConfig } from "../driver.js";
import type { IndexMetadata } from "./index-metadata.js";
import type { Keys } from "./keys.js";
import { evaluate, scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** Maximum number of jobs in one run of a script: about two milliseconds of the server's time. */
const MAX_JOBS = 200;

type Overdue = Awaited<ReturnType<JobStorage["findOverdue"]>>;

/** Timeouts of the jobs of one server, or of one shard. */
export class Timeouts {
  readonly #session: RedisSession;
  readonly #rules: StoreConfig["timeouts"];

  constructor(session: RedisSession, { timeouts }: StoreConfig) {
    this.#session = session;
    this.#rules = timeouts;
  }

  async findOverdue(owner: string): Promise<Overdue> {
    const { keys } = this.#session;
    const [kind, more, ...ids] = await this.#session.write(({ metadata, deadline, evaluate }) => {
      const limits = this.#codes(metadata).flatMap(({ code, ms }) => [code, ms]);
      const touched = [keys.metadata, keys.statuses, keys.timeoutsOwner, keys.timeoutsDeferred, keys.gaps];
      return evaluate(scripts.nextTimeouts, touched, [metadata.revision, deadline, owner, MAX_JOBS, ...limits]);
    });
    if (kind === "other") return { owned: false, jobs: [], more: false };
    return { owned: true, jobs: await this.#overdue(ids as readonly string[]), more: more === 1 };
  }

  /** Returns those of the jobs whose time is over. */
  async #overdue(ids: readonly string[]): Promise<Overdue["jobs"]> {
    if (ids.length === 0) return [];
    const { keys } = this.#session;
    const [, ...values] = await this.#session.write(({ metadata, deadline, evaluate }) => {
      const limits = this.#codes(metadata).flatMap(({ code, status, ttlMs, ms }) => [
        `${ttlMs} ${JSON.stringify(status)}`,
        code,
        ms,
      ]);
      const touched = [
        ...[keys.metadata, keys.timeoutsDeferred, keys.gaps, keys.work, keys.workMessages, keys.leases, keys.waits],
        ...ids.map(keys.job),
      ];
      const idAt = Buffer.byteLength(keys.job("")) + 1;
      return evaluate(scripts.findOverdue, touched, [metadata.revision, deadline, idAt, ...limits]);
    });
    return Array.from({ length: values.length / 5 }, (_, n) => {
      const [id, status, version, createdAt, idleSince] = values.slice(5 * n, 5 * n + 5).map(String);
      return {
        id: id ?? "",
        status: JSON.parse(status ?? ""),
        version: Number(version),
        createdAt: Number(createdAt),
        idleSince: Number(idleSince),
      };
    });
  }

  /** Returns the codes of statuses with a limit. */
  #codes({ codes }: IndexMetadata) {
    return codes.flatMap((code) => {
      const rule = this.#rules.get(code.status);
      return rule === undefined ? [] : [{ ...code, ms: rule.ms }];
    });
  }
}

/** Returns for how long the check of a timeout is late, in milliseconds. */
export async function timeoutsLag(client: RedisCommander, keys: Keys): Promise<number> {
  const touched = [keys.metadata, keys.statuses, keys.timeoutsDeferred];
  return Number(await evaluate(client, scripts.timeoutsLag, touched, []));
}
