import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Waits for a call and collects garbage repeatedly. This removes timers without references. */
export async function whileCollectingGarbage<T>(call: Promise<T>): Promise<T> {
  const timer = setInterval(collect, 10);
  try {
    return await call;
  } finally {
    clearInterval(timer);
  }
}
