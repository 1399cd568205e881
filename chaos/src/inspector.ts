import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import type { Redis } from "ioredis";
import { toLogged } from "./client/watcher.js";
import type { FinalJob, FinalState } from "./oracle/run.js";
import type { LoggedEvent } from "./record.js";
import { kinds, PAYLOAD_SECRET, queues, STATUSES, type Tasks, task } from "./subject.js";
import { type World, withPassword } from "./world.js";

/** Looks at the servers of a run while nobody breaks them, through the public calls alone; keys as they are documented. */
export class Inspector implements AsyncDisposable {
  readonly #store: Tasks;
  readonly #broker: ReturnType<typeof createBroker>;
  readonly #admin: Redis;

  constructor({ redisUrl, broker, admin }: Omit<World, "clients">) {
    const driver = redisDriver({ url: redisUrl, timeoutMs: 10_000, eventLogLength: 10_000_000 });
    this.#store = createJobStore({ job: task, driver, historyLimit: 5_000 });
    this.#broker = createBroker({ driver: rabbitmqDriver({ url: withPassword(broker.url) }) });
    this.#admin = admin;
  }

  /** The present end of the event log. */
  async cursor(): Promise<string> {
    for await (const event of this.#store.watch(`${kinds.marker}begin`)) return event.cursor;
    throw new Error("a watch that ends before it has begun");
  }

  /** Makes a job by which watchers find out that they have seen everything before it. */
  async mark(): Promise<string> {
    const id = `${kinds.marker}rest`;
    await this.#store.create({ secret: PAYLOAD_SECRET }, { id });
    return id;
  }

  /** What still moves; empty once the system is at rest. */
  async unrest(): Promise<string> {
    const { depth } = await this.#store.outbox.depth().then((depth) => ({ depth }));
    const restless = depth > 0 ? [`${depth} messages in the outbox`] : [];
    for (const { name, left } of await this.#queues()) if (left > 0) restless.push(`${left} messages in ${name}`);
    let undone = 0;
    for await (const { id } of this.#store.scan({ status: ["todo", "doing"], limit: 200 })) {
      if (id.startsWith(kinds.work)) undone++;
    }
    if (undone > 0) restless.push(`${undone} jobs undone`);
    const { fading } = await this.#store.counts();
    if (fading > 0) restless.push(`${fading} jobs that have not expired`);
    return restless.join(", ");
  }

  /** Everything that is stored, and every event since `cursor`. */
  async finalState(cursor: string): Promise<FinalState> {
    const [outbox, rejected] = await Promise.all([this.#store.outbox.depth(), this.#store.outbox.rejected()]);
    const jobs: FinalJob[] = [];
    for await (const job of this.#store.scan({ limit: 200 })) {
      const history = job.history.map((step) => ({ ...step, at: step.at.getTime(), by: step.by ?? "" }));
      jobs.push({ id: job.id, status: job.status, version: job.version, attempt: job.attempt, history });
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
      outbox: { depth: outbox, rejected: rejected.length },
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

  /** Up to the creation of a job that is made, and deleted, for this. */
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
    throw new Error("the event log ended early");
  }
}
