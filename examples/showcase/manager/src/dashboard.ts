import { downloadQueue, type SubtitleStore, translateQueue } from "@showcase/contracts";
import { createDashboard } from "@subtitles/job-store/dashboard";
import type { Broker } from "@subtitles/queue";
import { pluginOf } from "../../../manager/dashboard.js";
import type { Server } from "./api/typed-server.js";

/** Parts of the manager that the dashboard shows, and the token that it needs. */
interface Shown {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly token?: string | undefined;
}

/**
 * Serves the dashboard of the job store at `/dashboard`, for everything that is not about subtitles: workers, pauses, the outbox, dead
 * letters, and why a job does not move. It replaces the dashboard of the templates: it needs the token of the API, and permits changes.
 */
export function serveDashboard(server: Server, { store, broker, token }: Shown): void {
  const dashboard = createDashboard({
    title: "Subtitles",
    stores: {
      subtitles: {
        store,
        broker,
        queues: [downloadQueue, translateQueue],
        links: ({ id }) => [{ text: "Page of this job", url: `/jobs/${id}` }],
      },
    },
    // The token gives access to the whole API. Without a token, every client has access.
    may: () => true,
    token,
  });
  void server.register(pluginOf(dashboard));
}
