/** Property of a store with the function that adds a listener for its events. A registered symbol, as for errors. */
const EVENTS = Symbol.for("@subtitles/job-store/events");

/** Calls `listener` with the type of each event of a store. Returns a function that removes it. */
export function watchStore(store: object, listener: (type: string) => void): () => void {
  if (!(EVENTS in store) || typeof store[EVENTS] !== "function") return () => {};
  const remove: unknown = store[EVENTS]((event: { readonly type: string }) => listener(event.type));
  return typeof remove === "function" ? () => remove() : () => {};
}
