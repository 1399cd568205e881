// Process of one contender. For each round it gets a number of jobs, prepares them, waits for the next message, and runs them.
import { once } from "node:events";
import { pin } from "../harness/cores.js";
import { contenders, type OpenContender, type Servers } from "./contenders.js";

/** Round as its process measures it. */
export interface MeasuredRound {
  readonly ms: number;
  /** CPU time of the process in µs. */
  readonly cpuMicros: number;
}

const [name, concurrency, encoded = "{}"] = process.argv.slice(2);
const servers: Servers = JSON.parse(encoded);
process.on("disconnect", () => process.exit(0));
pin(process.pid, "client");

const contender = await contenders.find((one) => one.name === name)?.open(servers, Number(concurrency));
if (contender === undefined) throw new Error(`Unknown contender "${name}".`);
process.send?.("open");

for (;;) {
  const [count] = await once(process, "message");
  await contender.prepare(Number(count));
  globalThis.gc?.({ type: "minor" });
  process.send?.("prepared");
  await once(process, "message");
  process.send?.(await measure(contender, Number(count)));
}

async function measure(from: OpenContender, count: number): Promise<MeasuredRound> {
  let done = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const before = process.cpuUsage();
  const start = performance.now();
  const stop = await from.start(() => {
    if (++done === count) finish();
  });
  await finished;
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  await stop();
  return { ms, cpuMicros: user + system };
}
