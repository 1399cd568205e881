import type { LoggedEvent } from "../record.js";
import type { Check, Violation } from "./run.js";

/** A watcher saw the log from its beginning to its end, in its order, each event once; or was told where it did not. */
export const watched: Check = ({ watched: seen, final }) => {
  const log = final.log.map(textOf);
  let next = 0;
  let told = false;
  for (const event of seen) {
    if (event.type === "resync") {
      told = true;
      continue;
    }
    const text = textOf(event);
    const place = told ? log.indexOf(text, next) : next;
    if (log[place] !== text) return [broken(text, `seen where the log has ${log[next] ?? "ended"}`)];
    next = place + 1;
    told = false;
  }
  return next === log.length || told
    ? []
    : [broken(log[next] ?? "", `not seen, nor the ${log.length - next - 1} after it`)];
};

function textOf(event: LoggedEvent): string {
  return JSON.stringify(event);
}

function broken(about: string, words: string): Violation {
  return { promise: "a watcher misses nothing unsaid", about, words };
}
