import { computed, signal } from "@preact/signals";

export const VIEWS = ["overview", "jobs", "job", "workers", "outbox", "queues", "health"] as const;
export type ViewName = (typeof VIEWS)[number];

/** Place in the page. It is stored in the hash: `#/<store>/<view>/<id>?<query>`. */
export interface Route {
  /** Key of the store. null: the first one. */
  readonly store: string | null;
  readonly view: ViewName;
  /** Id of the job of the view `job`, or name of the queue of the view `queues`. */
  readonly id: string | null;
  readonly query: Readonly<Record<string, string>>;
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

/** Place that the hash names. An unknown view is the overview. */
export const route = computed(() => parseRoute(hash.value));

function parseRoute(text: string): Route {
  const [path = "", query = ""] = split(text.replace(/^#\/?/, ""), "?");
  const [store = "", name = "", id = ""] = path.split("/").map(decode);
  const view = VIEWS.find((each) => each === name) ?? "overview";
  return {
    store: store === "" ? null : store,
    view,
    id: id === "" ? null : id,
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** Returns the address of a place. Empty values of the query are left out. */
export function href(
  store: string,
  view: ViewName,
  id: string | null = null,
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const path = [store, view, ...(id === null ? [] : [id])].map(encodeURIComponent).join("/");
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  return `#/${path}${params.size === 0 ? "" : `?${params}`}`;
}

/** Goes to a place. `replace`: without an entry in the history of the browser. */
export function go(to: string, { replace = false } = {}): void {
  if (!replace) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  hash.value = to;
}

function split(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
