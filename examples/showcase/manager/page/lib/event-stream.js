/**
 * An event of a `text/event-stream`.
 *
 * @typedef {object} StreamEvent
 * @property {string} type
 * @property {string} data
 * @property {string} id of the newest event that had one
 */

/**
 * Reads a `text/event-stream` in pieces, like EventSource of browsers. EventSource cannot send a token, and does not report
 * the reason of a rejection.
 *
 * @returns {(text: string) => StreamEvent[]} reads the next piece, and returns the events that are complete
 */
export function createEventParser() {
  let rest = "";
  let id = "";
  let type = "";
  /** @type {string[]} */
  let data = [];

  /** @param {string} line */
  function take(line) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") type = value;
    else if (field === "id" && !value.includes("\0")) id = value;
  }

  /** @returns {StreamEvent | null} */
  function complete() {
    const event = data.length > 0 ? { type: type || "message", data: data.join("\n"), id } : null;
    type = "";
    data = [];
    return event;
  }

  return (text) => {
    // A carriage return at the end can be half of a line break.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    return lines.flatMap((line) => {
      if (line !== "") {
        take(line);
        return [];
      }
      return complete() ?? [];
    });
  };
}
