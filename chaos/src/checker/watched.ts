import type { LoggedEvent } from "../journal.js";
import type { Check, Violation } from "./recording.js";

/** Checks that the watcher received each event of the log once and in order. After a `resync`, events may be missing. */
export const watchedEvents: Check = ({ watched, final }) => {
  const log = final.log.map(textOf);
  let next = 0;
  let resync = false;
  for (const event of watched) {
    if (event.type === "resync") {
      resync = true;
      continue;
    }
    const text = textOf(event);
    const position = resync ? log.indexOf(text, next) : next;
    if (log[position] !== text)
      return [violated(text, `received, but the next event of the log is ${log[next] ?? "none"}`)];
    next = position + 1;
    resync = false;
  }
  return next === log.length || resync
    ? []
    : [violated(log[next] ?? "", `not received, and neither were the ${log.length - next - 1} events after it`)];
};

function textOf(event: LoggedEvent): string {
  return JSON.stringify(event);
}

function violated(about: string, details: string): Violation {
  return { guarantee: "a watcher receives every event or a resync", about, details };
}
