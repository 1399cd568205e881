import type { RedisCommander } from "ioredis";
import type { WaitingMessage } from "../driver.js";
import type { Keys } from "./keys.js";
import { evaluate, scripts } from "./scripts.js";

/** Message in the reply of lua/read/waiting.lua. */
type FoundMessage = readonly [
  queue: string,
  createdAt: string,
  key: string,
  max: string | null,
  taken: number,
  ahead: number,
];

/** Reads the messages of a job that wait for a place. */
export async function readWaiting(client: RedisCommander, keys: Keys, id: string): Promise<readonly WaitingMessage[]> {
  const reply = await evaluate(client, scripts.waiting, [keys.work, keys.limits, keys.limitRules], [id]);
  const [, ...found] = reply as readonly [string, ...FoundMessage[]];
  return found.map(([queue, createdAt, key, max, taken, ahead]) => {
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
  });
}
