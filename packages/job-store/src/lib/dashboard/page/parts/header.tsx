import type { DashboardInfo, StoreInfo } from "../../protocol.js";
import { info, openDashboard } from "../lib/app-info.js";
import { timeOfDay } from "../lib/format.js";
import { liveState } from "../lib/live.js";
import { go, href, route, type ViewName } from "../lib/route.js";
import { needsToken, setToken, token } from "../lib/token.js";

interface Tab {
  readonly view: ViewName;
  readonly text: string;
}

export function Header({ dashboard, store }: { dashboard: DashboardInfo; store: StoreInfo | null }) {
  const { view } = route.value;
  const tabs: readonly Tab[] = [
    { view: "overview", text: "Overview" },
    { view: "jobs", text: "Jobs" },
    { view: "workers", text: "Workers" },
    { view: "outbox", text: "Outbox" },
    ...(store?.broker ? [{ view: "queues", text: "Queues" } as const] : []),
    { view: "health", text: "Health" },
  ];
  const current = view === "job" ? "jobs" : view;
  return (
    <header class="top">
      <div class="top-row">
        <span class="brand">
          <svg viewBox="0 0 16 16" class="logo" aria-hidden="true">
            <rect x="1" y="2" width="14" height="3" rx="1" />
            <rect x="1" y="6.5" width="9" height="3" rx="1" />
            <rect x="1" y="11" width="5" height="3" rx="1" />
          </svg>
          {dashboard.title}
        </span>
        {dashboard.stores.length > 1 ? (
          <label class="store-choice">
            <span class="hidden">Store</span>
            <select
              value={store?.key ?? ""}
              onChange={({ currentTarget }) => go(href(currentTarget.value, "overview"))}
            >
              {store === null && <option value="">Store …</option>}
              {dashboard.stores.map(({ key, name }) => (
                <option key={key} value={key}>
                  {key === name ? key : `${key} (${name})`}
                </option>
              ))}
            </select>
          </label>
        ) : (
          <span class="store-name">{store?.name}</span>
        )}
        <span class="top-right">
          {store?.readOnly && <span class="badge">Read-only</span>}
          {store?.error === null && <Live />}
          {token.value !== null && (
            <button type="button" class="link" onClick={signOut}>
              Sign out
            </button>
          )}
        </span>
      </div>
      {store?.error === null && (
        <nav aria-label="Views">
          <ul>
            {tabs.map((tab) => (
              <li key={tab.view}>
                <a href={href(store.key, tab.view)} aria-current={tab.view === current ? "page" : undefined}>
                  {tab.text}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      )}
    </header>
  );
}

function Live() {
  const state = liveState.value;
  if (state.kind === "live") return <span class="live on">Live</span>;
  if (state.kind === "connecting") return <span class="live">Connecting …</span>;
  return <span class="live off">Not live{state.since !== null && ` since ${timeOfDay(state.since)}`}</span>;
}

function signOut() {
  setToken(null);
  info.value = null;
  needsToken.value = false;
  void openDashboard();
}
