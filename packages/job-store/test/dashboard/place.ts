import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { createDashboard, type DashboardOptions } from "../../src/dashboard.js";
import { createJobStore, defineJob, type JobStore, type JobStoreDriver } from "../../src/index.js";
import type { DashboardBroker } from "../../src/lib/dashboard/options.js";
import type { RecordedStore } from "../../src/lib/store/recorded-store.js";
import { memoryDriver } from "../../src/memory.js";

/** Definition of the jobs that the dashboard shows in the tests of its page. */
export const film = defineJob({
  name: "subtitle",
  data: z.object({
    title: z.string(),
    language: z.string().default("fr"),
    user: z.string().optional(),
    parent: z.string().optional(),
    body: z.string().optional(),
  }),
  result: z.object({ file: z.string() }),
  progress: z.object({ done: z.number(), of: z.number() }),
  initial: "pending",
  statuses: {
    pending: { next: ["downloading", "failed"], sends: [{ queue: "downloads" }], timeoutSeconds: 24 * 3600 },
    downloading: { next: ["translating", "completed", "failed"], timeoutSeconds: 3600 },
    translating: { next: ["completed", "failed"], sends: [{ queue: "translations" }] },
    review: { next: ["completed", "failed"] },
    completed: { next: [], final: true },
    failed: { next: ["pending", "review"], final: true },
  },
  index: { user: ({ user }) => user, parent: ({ parent }) => parent },
});
export type Film = typeof film;
export type FilmStore = JobStore<Film>;

/** Text that breaks a page which takes it for HTML, and which hides its end from a reader. */
export const UNTRUSTED = `<img src=x onerror="window.broken=1"><script>window.broken=2</script> "'></a> \u202Egnp.exe \u0627\u0644\u0639`;

export interface Place {
  /** Address of the page. */
  readonly url: string;
  readonly store: FilmStore;
  /** Makes the server of the page unavailable, and available again at the same address. */
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
}

/** Serves a dashboard at `/a/b`. Everything is closed when the test ends. */
export async function startPlace(
  options: Partial<Omit<DashboardOptions, "stores">> & {
    readonly driver?: JobStoreDriver;
    readonly definition?: Film;
    /** True: the dashboard gets the store as if no lifecycle were recorded. */
    readonly withoutLifecycle?: boolean;
    readonly broker?: DashboardBroker;
  } = {},
): Promise<Place> {
  const { driver = memoryDriver(), definition = film, withoutLifecycle = false, broker, ...rest } = options;
  const store = createJobStore({ job: definition, driver });
  const queues = [{ name: "downloads" }, { name: "translations" }];
  const dashboard = createDashboard({
    stores: { films: { store: withoutLifecycle ? unrecorded(store) : store, ...(broker && { broker, queues }) } },
    may: () => true,
    by: () => "ada@example.com",
    title: "Subtitles",
    ...rest,
  });
  const listen = async (port: number) => {
    const server = createServer((request, response) => void dashboard.handle(request, response));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return server;
  };
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(async () => {
    await stop();
    await dashboard.close();
    await store.close();
  });
  return {
    url: `http://127.0.0.1:${port}/a/b`,
    store,
    stopServer: stop,
    async startServer() {
      server = await listen(port);
    },
  };
}

/** Returns the store as `openRecordedStore` returns one without a lifecycle. The dashboard uses only these two properties. */
function unrecorded(store: FilmStore): RecordedStore {
  return { store, lifecycle: null } as unknown as RecordedStore;
}

/** Waits until the page is live. */
export const live = (page: Page) => page.getByText("Live", { exact: true }).waitFor();

/** Returns the ids of the rows, as the page shows them. */
export const ids = (page: Page) => page.locator("tbody th a").allTextContents();

/** Makes the clock of the browser wrong by some hours, from the next load of the page. */
export async function setBrowserClock(page: Page, hours: number): Promise<void> {
  await page.addInitScript(`{
    const Right = Date;
    const now = () => Right.now() + ${hours} * 3_600_000;
    globalThis.Date = class extends Right {
      constructor(...given) { super(...(given.length === 0 ? [now()] : given)); }
      static now() { return now(); }
    };
  }`);
}

/** Returns a broker with dead letters in "downloads". It records the ids that were redriven and discarded. */
export function brokerWithLetters() {
  const letters = ["one", "two", "three"].map((id, n) => ({
    id,
    body: JSON.stringify({ jobId: `film-${n}` }),
    reason: n === 0 ? UNTRUSTED : "The translation memory is damaged.",
    attempts: 5,
    at: new Date(Date.now() - (n + 1) * 3_600_000),
    errors: ["Error: unexpected end of file"],
  }));
  const acts: string[] = [];
  const remove = (ids: readonly string[]) => {
    const before = letters.length;
    for (const id of ids) {
      const at = letters.findIndex((letter) => letter.id === id);
      if (at !== -1) letters.splice(at, 1);
    }
    return before - letters.length;
  };
  const broker: DashboardBroker = {
    async stats({ name }) {
      const dead = name === "downloads" ? letters.length : 0;
      return { ready: 12, unacked: name === "downloads" ? 8 : null, delayed: 3, dead, consumers: 2 };
    },
    async deadLetters({ name }) {
      return name === "downloads" ? letters : [];
    },
    async redrive(_, { ids }) {
      acts.push(`redrive ${ids.join(",")}`);
      return remove(ids);
    },
    async discard(_, { ids }) {
      acts.push(`discard ${ids.join(",")}`);
      return remove(ids);
    },
    async health() {
      return { status: "healthy", warnings: [] };
    },
  };
  return { broker, acts };
}
