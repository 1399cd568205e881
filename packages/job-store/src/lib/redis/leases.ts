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
import { type Client, type PipelineCommand, runPipeline, valuesOf } from "./connection.js";
import { workKeys } from "./keys.js";
import { readPause } from "./pause-text.js";
import { readingOf, WRONG_TYPE } from "./read-record.js";
import { evaluate, scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";
import { workerArgs } from "./workers.js";
import { expectations } from "./write-arguments.js";
import { newOperationId } from "./write-batcher.js";

/** Maximum number of jobs in one script or one HMGET: about two milliseconds of the server's time. */
const MAX_JOBS = 500;

/** Leases of the jobs of one server, or of one shard. They are stored next to the records. */
export class Leases {
  /**
   * True if jobs and their leases can be read by one pipeline. It needs a status in which a job can have a lease. On a cluster, a pipeline with
   * TIME does not follow a slot that has moved.
   */
  readonly inPipeline: boolean;
  readonly #session: RedisSession;
  /** Statuses in which a job has no lease, so that nothing is read for it. */
  readonly #without: ReadonlySet<string>;

  constructor(session: RedisSession, config: StoreConfig) {
    this.#session = session;
    this.#without = new Set(config.statuses.filter((status) => !canHaveLease(config, status)));
    this.inPipeline = !session.connection.mayResend && this.#without.size < config.statuses.length;
  }

  /**
   * Returns commands that read the leases of jobs. They follow the command that reads the jobs, so a job that has been changed in between
   * has a lease of another version, which is ignored.
   */
  commandsFor(ids: readonly string[]): readonly PipelineCommand[] {
    const { keys } = this.#session;
    return [["hmget", keys.work, ...ids], ["hmget", keys.metadata, "contact", "away"], ["time"]];
  }

  /** Adds the leases of jobs to what was read. `replies`: those to the commands of `commandsFor`. */
  addFrom(readings: readonly ReadResult[], replies: readonly unknown[]): readonly ReadResult[] {
    const [states, [contact, away], [seconds, microseconds]] = replies as LeaseReplies;
    if (states.every((state) => state === null)) return readings;
    const now = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    const awayMs = awayAt(now, contact, away);
    return readings.map((reading, n) => {
      const state = states[n] ?? null;
      if (state === null || reading.kind !== "record" || this.#without.has(reading.record.status)) return reading;
      const until = endOf(reading.record, String(state), now, awayMs);
      return until === null ? reading : { kind: "record", record: { ...reading.record, leasedUntil: new Date(until) } };
    });
  }

  /** Reads the leases of jobs that were read before, and adds them. */
  async addTo(
    readings: readonly ReadResult[],
    end = this.#session.executor.defaultEnd(),
  ): Promise<readonly ReadResult[]> {
    const leasable = readings.filter((one) => one.kind === "record" && !this.#without.has(one.record.status));
    const added = new Map<ReadResult, ReadResult>();
    for (let first = 0; first < leasable.length; first += MAX_JOBS) {
      const some = leasable.slice(first, first + MAX_JOBS);
      const replies = await this.#read(
        some.map((one) => (one.kind === "record" ? one.record.id : "")),
        end,
      );
      for (const [n, one] of this.addFrom(some, replies).entries()) added.set(some[n] ?? one, one);
    }
    return readings.map((reading) => added.get(reading) ?? reading);
  }

  #read(ids: readonly string[], end: number): Promise<readonly unknown[]> {
    const { connection, executor, keys } = this.#session;
    const read = connection.mayResend
      ? async (client: Client) => {
          const reply = await evaluate(client, scripts.leases, [keys.metadata, keys.work], ids);
          return (reply as readonly unknown[]).slice(1);
        }
      : async (client: Client) => valuesOf(await runPipeline(client, this.commandsFor(ids)));
    return executor.query(read, { end });
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

type Text = Buffer | string | null;
type LeaseReplies = readonly [states: readonly Text[], contact: readonly [Text, Text], time: readonly [Text, Text]];

/** Returns the sum of all gaps between contacts, as lua/includes/contact.lua measures it. */
function awayAt(now: number, contact: Text, away: Text): number {
  const gap = contact === null ? 0 : now - Number(contact);
  return Number(away ?? 0) + (gap > 5000 || gap < 0 ? gap : 0);
}

/** Returns the end of the lease in a work state, as lua/includes/lease-of.lua does. null: the job has none at its present version. */
function endOf({ createdAt, version }: JobRecord, state: string, now: number, awayMs: number): number | null {
  const [, created, lease, ending, ofVersion] = /^(\d+) \d+ ([ow]) (\d+) \d+ (\d+)/.exec(state) ?? [];
  if (Number(created) !== createdAt.getTime() || Number(ofVersion) !== version) return null;
  const until = Number(ending) + (lease === "o" ? awayMs : 0);
  return until > now ? until : null;
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
