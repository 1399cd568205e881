import type {
  Examination,
  JobRecord,
  JobStorage,
  ReadResult,
  StoreConfig,
  StoredLease,
  Target,
  WaitingMessage,
  WorkerRecord,
} from "../driver.js";
import { canHaveLease } from "../driver-rules.js";
import { workKeys } from "./keys.js";
import { readPause } from "./pause-text.js";
import { readingOf, WRONG_TYPE } from "./read-record.js";
import { evaluate, scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";
import { workerArgs } from "./workers.js";
import { expectations } from "./write-arguments.js";
import { newOperationId } from "./write-batcher.js";

/** Maximum number of jobs in one script: about two milliseconds of the server's time. */
const MAX_JOBS = 500;

/** Leases of the jobs of one server, or of one shard. They are stored next to the records. */
export class Leases {
  readonly #session: RedisSession;
  /** Statuses in which a job has no lease, so that nothing is read for it. */
  readonly #without: ReadonlySet<string>;

  constructor(session: RedisSession, config: StoreConfig) {
    this.#session = session;
    this.#without = new Set(config.statuses.filter((status) => !canHaveLease(config, status)));
  }

  /** Adds the leases to what was read. A job that has been changed since it was read has no lease any more. */
  async addTo(
    readings: readonly ReadResult[],
    end = this.#session.executor.defaultEnd(),
  ): Promise<readonly ReadResult[]> {
    const records: JobRecord[] = [];
    for (const reading of readings) {
      if (reading.kind === "record" && !this.#without.has(reading.record.status)) records.push(reading.record);
    }
    if (records.length === 0) return readings;
    const ends = await this.#endsOf(records, end);
    return readings.map((reading) => {
      const leasedUntil = reading.kind === "record" ? ends.get(reading.record) : undefined;
      return reading.kind === "record" && leasedUntil !== undefined
        ? { kind: "record", record: { ...reading.record, leasedUntil } }
        : reading;
    });
  }

  async examine(id: string): Promise<Examination> {
    const { keys } = this.#session;
    const touched = [keys.metadata, keys.job(id), keys.work, keys.outboxPublished, keys.limits, keys.limitRules];
    const reply = await this.#session.read(({ evaluate }) => evaluate(scripts.examine, touched, [id]));
    const [, text, foreign, lease, published, first, now, ...waiting] = reply as readonly [
      ...[string, string | null, string, string | null, string | null, string | null, number],
      ...FoundMessage[],
    ];
    return {
      job: foreign === "1" ? WRONG_TYPE : readingOf(id, text),
      lease: lease === null ? null : readLease(lease),
      waiting: waiting.map(readWaiting),
      publishedAt: published === null ? null : Number(published) * 1000,
      publishedSince: first === null ? null : Number(first) * 1000,
      now,
    };
  }

  async #endsOf(records: readonly JobRecord[], end: number): Promise<ReadonlyMap<JobRecord, Date>> {
    const { executor, keys } = this.#session;
    const ends = new Map<JobRecord, Date>();
    for (let first = 0; first < records.length; first += MAX_JOBS) {
      const some = records.slice(first, first + MAX_JOBS);
      const ids = some.map(({ id }) => id);
      const reply = await executor.query(
        (client) => evaluate(client, scripts.leases, [keys.metadata, keys.work], ids),
        {
          end,
        },
      );
      const [, ...leases] = reply as readonly [string, ...(string | null)[]];
      for (const [n, record] of some.entries()) {
        const [createdAt, version, until] = leases[n]?.split(" ") ?? [];
        if (Number(createdAt) !== record.createdAt.getTime() || Number(version) !== record.version) continue;
        ends.set(record, new Date(Number(until)));
      }
    }
    return ends;
  }

  /**
   * Sets the ends of leases, with one script for up to 500 jobs. Without jobs, the script only makes contact. A job that is given twice has
   * a lease to end only once.
   */
  async renew(targets: readonly Target[], leaseMs: number): Promise<readonly boolean[]> {
    return (await this.announce(null, targets, leaseMs)).renewed;
  }

  /** Does the same, and records in the first of the scripts that the worker is alive. */
  async announce(
    worker: WorkerRecord | null,
    targets: readonly Target[],
    leaseMs: number,
  ): ReturnType<JobStorage["announceWorker"]> {
    const names = targets.map((target) => `${target.id} ${expectations(target)}`);
    const wanted = new Map(targets.map((target, n) => [names[n] ?? "", target]));
    const { renewed, pause } = await this.#renewEach(worker, [...wanted.values()], leaseMs);
    const changed = new Map(Array.from(wanted.keys(), (name, n) => [name, renewed[n] === true]));
    const answers = names.map((name) => {
      const isChanged = changed.get(name) === true;
      if (leaseMs === 0) changed.set(name, false);
      return isChanged;
    });
    const queue = worker?.queue ?? "";
    return { renewed: answers, pause: pause === "" ? null : { queue, ...readPause(pause) } };
  }

  async #renewEach(worker: WorkerRecord | null, targets: readonly Target[], leaseMs: number) {
    const { keys } = this.#session;
    const touched = [
      ...[keys.metadata, ...workKeys(keys), keys.pauses, keys.workers, keys.workerEnds, keys.consumers],
      keys.outbox,
    ];
    // The operation lets a repeated call recognize the leases that it has ended.
    const operation = newOperationId();
    const parts = Array.from({ length: Math.max(1, Math.ceil(targets.length / MAX_JOBS)) }, (_, n) =>
      targets.slice(n * MAX_JOBS, (n + 1) * MAX_JOBS),
    );
    let pause = "";
    const renewed = await Promise.all(
      parts.map(async (part, n) => {
        const announced = workerArgs(n === 0 ? worker : null, targets);
        const jobs = part.flatMap((target) => [target.id, expectations(target)]);
        const [, run, paused, ...changed] = await this.#session.write(({ deadline, evaluate }) =>
          evaluate(scripts.renewLeases, touched, [deadline, leaseMs, operation, ...announced, ...jobs]),
        );
        if (n === 0) pause = String(paused);
        this.#session.noteRun(String(run));
        return changed.map((one) => one === 1);
      }),
    );
    return { renewed: renewed.flat(), pause };
  }
}

/** Reads a lease as lua/includes/lease-of.lua writes it. */
function readLease(text: string): StoredLease {
  const [createdAt, version, until, owner] = text.split(" ");
  return { createdAt: Number(createdAt), version: Number(version), until: Number(until), owned: owner === "o" };
}

/** Message that waits for a place, in the reply of lua/read/examine.lua. */
type FoundMessage = readonly [
  queue: string,
  createdAt: string,
  key: string,
  max: string | null,
  taken: number,
  ahead: number,
];

function readWaiting([queue, createdAt, key, max, taken, ahead]: FoundMessage): WaitingMessage {
  const at = key.indexOf("=");
  return {
    queue: JSON.parse(queue),
    createdAt: Number(createdAt),
    field: key.slice(0, at),
    value: JSON.parse(key.slice(at + 1)),
    max: max === null ? null : Number(max),
    taken,
    ahead,
  };
}
