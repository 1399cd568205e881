// Process of one library. For each round it gets a number of jobs, prepares them, waits for the next message, and runs them.
import { once } from "node:events";
import { pin } from "../harness/cores.js";
import { libraries, type OpenLibrary, type Servers } from "./libraries.js";

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

const library = await libraries.find((one) => one.name === name)?.open(servers, Number(concurrency));
if (library === undefined) throw new Error(`Unknown library "${name}".`);
process.send?.("open");

for (;;) {
  const [count] = await once(process, "message");
  await library.prepare(Number(count));
  globalThis.gc?.({ type: "minor" });
  process.send?.("prepared");
  await once(process, "message");
  process.send?.(await measure(library, Number(count)));
}

async function measure(from: OpenLibrary, count: number): Promise<MeasuredRound> {
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
