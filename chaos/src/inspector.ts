import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import type { Redis } from "ioredis";
import type { FinalJob, FinalState } from "./checker/recording.js";
import { toLogged } from "./client/watcher.js";
import type { LoggedEvent } from "./journal.js";
import { type Servers, withPassword } from "./servers.js";
import { isFinal, isOrder, kinds, PAYLOAD_SECRET, queues, STATUSES, type Tasks, task } from "./workload.js";

const UNFINISHED = STATUSES.filter((status) => !isFinal(status));

/** Reads the state of the servers after the faults, with public calls and the documented key names. */
export class Inspector implements AsyncDisposable {
  readonly #store: Tasks;
  readonly #broker: ReturnType<typeof createBroker>;
  readonly #admin: Redis;

  constructor({ redisUrl, broker, admin }: Servers) {
    const driver = redisDriver({ url: redisUrl, timeoutMs: 10_000, eventLogLength: 10_000_000 });
    this.#store = createJobStore({ job: task, driver, historyLimit: 5_000 });
    this.#broker = createBroker({ driver: rabbitmqDriver({ url: withPassword(broker.url) }) });
    this.#admin = admin;
  }

  /** Returns the cursor of the end of the event log. */
  async cursor(): Promise<string> {
    for await (const event of this.#store.watch(`${kinds.marker}begin`)) return event.cursor;
    throw new Error("watch() ended without an event.");
  }

  /** Creates a job. A watcher that has received its event has received all earlier events. */
  async createMarker(): Promise<string> {
    const id = `${kinds.marker}rest`;
    await this.#store.create({ secret: PAYLOAD_SECRET }, { id });
    return id;
  }

  /**
   * Describes the messages and jobs that still change. Returns an empty string if there are none. Reads jobs, outbox and queues in this
   * order: the end of a lease or a change stores a message in the outbox, which moves to a queue. Work that moves on during the inspection is thus found
   * at its next place. A message in a queue always belongs to an unfinished order, or changes nothing.
   */
  async pendingWork(): Promise<string> {
    const pending: string[] = [];
    const unfinished: string[] = [];
    let leases = 0;
    for await (const { id, leasedUntil } of this.#store.scan({ status: UNFINISHED, limit: 200 })) {
      if (isOrder(id)) unfinished.push(id);
      if (leasedUntil !== null) leases++;
    }
    if (unfinished.length > 0)
      pending.push(`${unfinished.length} unfinished orders (${unfinished.slice(0, 5).join(", ")})`);
    if (leases > 0) pending.push(`${leases} jobs with a lease`);
    const { fading } = await this.#store.counts();
    if (fading > 0) pending.push(`${fading} jobs that will expire`);
    const { outbox } = this.#store;
    const waiting = (await outbox.scheduled()) + (await outbox.depth());
    if (waiting > 0) pending.push(`${waiting} messages in the outbox`);
    for (const { name, left } of await this.#queues()) if (left > 0) pending.push(`${left} messages in ${name}`);
    return pending.join(", ");
  }

  /** Reads all stored jobs and messages, and all events since `cursor`. */
  async finalState(cursor: string): Promise<FinalState> {
    const { outbox } = this.#store;
    const [depth, scheduled, rejected] = await Promise.all([outbox.depth(), outbox.scheduled(), outbox.rejected()]);
    const jobs: FinalJob[] = [];
    for await (const job of this.#store.scan({ limit: 200 })) {
      const { id, status, version, attempt } = job;
      const history = job.history.map((entry) => ({ ...entry, at: entry.at.getTime(), by: entry.by ?? "" }));
      jobs.push({ id, status, version, attempt, plan: isOrder(id) ? job.data.plan : null, history });
    }
    const byStatus = new Map<(typeof STATUSES)[number], string[]>();
    for (const status of STATUSES) {
      const ids: string[] = [];
      for await (const { id } of this.#store.scan({ status, limit: 200 })) ids.push(id);
      byStatus.set(status, ids);
    }
    const counts = await this.#store.counts();
    return {
      jobs,
      byStatus,
      counts,
      keys: await this.#keys(),
      log: await this.#events(cursor),
      outbox: { depth: depth + scheduled, rejected: rejected.length },
      queues: await this.#queues(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#store.close(), this.#broker.close({ graceMs: 0 })]);
  }

  async #queues() {
    return Promise.all(
      queues.map(async (queue) => {
        const { ready, delayed, dead } = await this.#broker.stats(queue);
        return { name: queue.name, left: ready + delayed, dead };
      }),
    );
  }

  async #keys(): Promise<readonly string[]> {
    const ids = new Set<string>();
    for await (const keys of this.#admin.scanStream({ match: "job:*", count: 1_000 })) {
      for (const key of keys as string[]) ids.add(key.slice("job:".length));
    }
    return [...ids];
  }

  /** Reads the events up to the creation of a marker job, which it creates and deletes. */
  async #events(cursor: string): Promise<readonly LoggedEvent[]> {
    const last = `${kinds.marker}end`;
    const events: LoggedEvent[] = [];
    await this.#store.create({ secret: PAYLOAD_SECRET }, { id: last });
    await this.#store.delete(last);
    for await (const event of this.#store.watch({ after: cursor })) {
      const logged = toLogged(event);
      if (logged === null) continue;
      if ("job" in logged && logged.job === last) return events;
      events.push(logged);
    }
    throw new Error("The event log ended before the marker.");
  }
}
