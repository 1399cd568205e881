import type { WaitingMessage } from "../driver.js";

/** Message that waits for a place, in the reply of lua/read/examine.lua. */
export type FoundMessage = readonly [
  queue: string,
  createdAt: string,
  key: string,
  max: string | null,
  taken: number,
  ahead: number,
];

export function readWaiting([queue, createdAt, key, max, taken, ahead]: FoundMessage): WaitingMessage {
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
