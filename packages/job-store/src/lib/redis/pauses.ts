import type { RedisCommander } from "ioredis";
import type { PauseRequest, QueuePause } from "../driver.js";
import { unavailable } from "../errors.js";
import type { Keys } from "./keys.js";
import { pauseArgs, readPause } from "./pause-text.js";
import { evaluate, type Script, scripts } from "./scripts.js";
import type { RedisSession, Reply } from "./session.js";
import { newOperationId } from "./write-batcher.js";

/** Paused queues of one server, or of one shard. */
export class Pauses {
  readonly #session: RedisSession;

  constructor(session: RedisSession) {
    this.#session = session;
  }

  async pause({ queue, unlessLonger, ...pause }: PauseRequest): Promise<void> {
    await this.#change(scripts.pauseQueue, [JSON.stringify(queue), ...pauseArgs(pause), unlessLonger ? "1" : ""]);
  }

  async resume(queue: string): Promise<boolean> {
    const [, resumed] = await this.#change(scripts.resumeQueue, [JSON.stringify(queue), newOperationId()]);
    return resumed === 1;
  }

  all(): Promise<readonly QueuePause[]> {
    return this.#session.read(({ client }) => readPauses(client, this.#session.keys));
  }

  #change(script: Script, args: readonly string[]): Promise<Reply> {
    const { connection, executor, keys, replicas } = this.#session;
    return this.#session.write(async ({ deadline, evaluate }) => {
      const reply = await evaluate(script, [keys.metadata, keys.pauses], [deadline, connection.id, ...args]);
      const shortage = (await replicas?.confirm(executor.defaultEnd(), true)) ?? null;
      if (shortage !== null) throw unavailable(shortage, true);
      return reply;
    });
  }
}

export async function readPauses(client: RedisCommander, keys: Keys): Promise<readonly QueuePause[]> {
  const reply = (await evaluate(client, scripts.readPauses, [keys.pauses], [])) as readonly string[];
  return Array.from({ length: (reply.length - 1) / 2 }, (_, n) => ({
    queue: JSON.parse(reply[2 * n + 1] ?? ""),
    ...readPause(reply[2 * n + 2] ?? ""),
  }));
}
