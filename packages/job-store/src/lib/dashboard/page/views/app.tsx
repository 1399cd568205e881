import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { DashboardInfo, StoreInfo } from "../../protocol.js";
import { announcement } from "../lib/announce.js";
import { info, infoError, openDashboard, reopenDashboard } from "../lib/app-info.js";
import { type Endings, EndingsContext, StoreContext } from "../lib/context.js";
import { watchStore } from "../lib/live.js";
import { useLoaded } from "../lib/loaded.js";
import { type Route, route } from "../lib/route.js";
import { needsToken } from "../lib/token.js";
import { hidden } from "../lib/visibility.js";
import { closeOpenDialog, DialogHost } from "../parts/dialog.js";
import { Header } from "../parts/header.js";
import { Empty, Notice } from "../parts/notice.js";
import { HealthView } from "./health.js";
import { JobView } from "./job.js";
import { JobsView } from "./jobs.js";
import { OutboxView } from "./outbox.js";
import { OverviewView } from "./overview.js";
import { QueuesView } from "./queues.js";
import { TokenView } from "./token.js";
import { WorkersView } from "./workers.js";

/** Time between two attempts to open a store, in milliseconds. */
const REOPEN_MS = 3_000;

export function App() {
  const dashboard = info.value;
  if (needsToken.value) return <TokenView />;
  if (dashboard === null) return <Opening />;
  const { store: key } = route.value;
  const store = key === null ? dashboard.stores[0] : dashboard.stores.find((each) => each.key === key);
  return (
    <>
      <button type="button" class="skip button" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <Page key={store?.key} dashboard={dashboard} store={store} />
      <Announcer />
    </>
  );
}

function Page({ dashboard, store }: { dashboard: DashboardInfo; store: StoreInfo | undefined }) {
  const storeKey = store?.key;
  const isOpen = store?.error === null;
  useEffect(() => (storeKey !== undefined && isOpen ? watchStore(storeKey) : undefined), [storeKey, isOpen]);
  useEffect(() => {
    document.documentElement.dataset.accent = dashboard.color ?? "";
  }, [dashboard]);
  if (store === undefined) {
    return (
      <>
        <Header dashboard={dashboard} store={null} />
        <main id="main" tabIndex={-1}>
          <h1>No such store</h1>
          <Empty title={dashboard.stores.length === 0 ? "You may not see any store." : "Choose a store above."} />
        </main>
      </>
    );
  }
  if (store.error !== null) return <Closed dashboard={dashboard} store={store} error={store.error} />;
  return (
    <StoreContext.Provider value={store}>
      <WithEndings store={store}>
        <Header dashboard={dashboard} store={store} />
        <Main dashboard={dashboard} store={store} />
        <DialogHost />
      </WithEndings>
    </StoreContext.Provider>
  );
}

const NONE: Endings = {};

/** Loads the endings again when a job is in a final status that had none. */
function WithEndings({ store, children }: { store: StoreInfo; children: ComponentChildren }) {
  const finals = store.statuses.filter((status) => status.final);
  const endings: Endings =
    useLoaded(
      "endings",
      { store: store.key },
      { on: ({ counts }) => finals.some(({ name }) => (counts[name] ?? 0) > 0 && !Object.hasOwn(endings, name)) },
    ).reply ?? NONE;
  return <EndingsContext.Provider value={endings}>{children}</EndingsContext.Provider>;
}

/** Store that could not be opened. The page tries again. */
function Closed({ dashboard, store, error }: { dashboard: DashboardInfo; store: StoreInfo; error: string }) {
  useEffect(() => {
    const timer = setInterval(() => {
      if (!hidden.value) void reopenDashboard();
    }, REOPEN_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <Header dashboard={dashboard} store={store} />
      <main id="main" tabIndex={-1}>
        <h1>The store cannot be opened</h1>
        <Notice kind="problem">{error}</Notice>
        <p class="muted">The page tries again by itself.</p>
      </main>
    </>
  );
}

function Main({ dashboard, store }: { dashboard: DashboardInfo; store: StoreInfo }) {
  const main = useRef<HTMLElement>(null);
  const { view, id } = route.value;
  const isFirst = useRef(true);
  useEffect(() => {
    closeOpenDialog();
    const heading = main.current?.querySelector("h1");
    document.title = `${heading?.textContent ?? view} · ${store.name} · ${dashboard.title}`;
    if (!isFirst.current) {
      scrollTo(0, 0);
      heading?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [view, id]);
  return (
    <main id="main" tabIndex={-1} ref={main}>
      {!store.lifecycle && (
        <Notice kind="info">
          This store has no recorded lifecycle, so the status of its jobs cannot be changed here. A process with the
          definition records it when it writes for the first time.
        </Notice>
      )}
      <View key={`${view}/${id}`} route={route.value} />
    </main>
  );
}

function View({ route: { view, id } }: { route: Route }) {
  if (view === "jobs") return <JobsView />;
  if (view === "job") return id === null ? <JobsView /> : <JobView id={id} />;
  if (view === "workers") return <WorkersView />;
  if (view === "outbox") return <OutboxView />;
  if (view === "queues") return <QueuesView />;
  if (view === "health") return <HealthView />;
  return <OverviewView />;
}

/** State before the dashboard is known. */
function Opening() {
  const error = infoError.value;
  return (
    <main class="opening">
      {error === null ? (
        <p class="loading">Loading …</p>
      ) : (
        <>
          <h1>{error.code === "FORBIDDEN" ? "No access" : "The dashboard does not answer"}</h1>
          <Notice kind="problem">{error.message}</Notice>
          {error.code === "FORBIDDEN" ? (
            <button type="button" class="button" onClick={openDashboard}>
              Try again
            </button>
          ) : (
            <p class="muted">The page tries again by itself.</p>
          )}
        </>
      )}
    </main>
  );
}

/** Results of actions: read by screen readers, and shown at the bottom. */
function Announcer() {
  const current = announcement.value;
  useEffect(() => {
    if (current === null) return;
    const timer = setTimeout(() => {
      if (announcement.value === current) announcement.value = null;
    }, 6_000);
    return () => clearTimeout(timer);
  }, [current]);
  return (
    <div class="toast" role="status">
      {current !== null && <p>{current.text}</p>}
    </div>
  );
}
