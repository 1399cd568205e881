import type { ProviderStates, SubtitleFiles, SubtitleStore } from "@showcase/contracts";
import type { Broker } from "@subtitles/queue";
import type { RequestMemory } from "../jobs/request-memory.js";
import { fileRoutes } from "./files.js";
import { jobRoutes } from "./jobs.js";
import { providerRoutes } from "./providers.js";
import { queueRoutes } from "./queues.js";
import { translationRoutes } from "./translations.js";
import type { Server } from "./typed-server.js";

export interface ApiOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly files: SubtitleFiles;
  readonly providers: ProviderStates;
  readonly requests: RequestMemory;
}

/** Adds all routes below `/api/v1`, except live updates. */
export function apiRoutes(server: Server, options: ApiOptions): void {
  jobRoutes(server, options);
  translationRoutes(server, options);
  fileRoutes(server, options);
  queueRoutes(server, options);
  providerRoutes(server, options);
}
