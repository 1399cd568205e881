/** Reasons of gaps in an event log. The events between are not known. */

export const OLDER_DATA =
  "the server has restarted with older data, or another server has taken over. Read the jobs again.";
export const LOG_RESET = "the event log was reset, because the server lost its data. Read the jobs again.";

export function eventsRemoved(count: number): string {
  return `${count} events were removed from the event log (eventLogLength). Read the jobs again.`;
}
