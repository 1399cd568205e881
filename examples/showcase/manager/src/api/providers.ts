import { type ProviderStates, providerState } from "@showcase/contracts";
import { z } from "zod";
import { Problem, refusals } from "./problems.js";
import type { Server } from "./typed-server.js";

export function providerRoutes(server: Server, { providers }: { providers: ProviderStates }): void {
  server.get(
    "/providers",
    {
      schema: {
        tags: ["providers"],
        summary: "Availability of the sources of subtitles and of the translation providers",
        description:
          "The state that the workers have seen last: the quota that is left, and the time before which they are not called.",
        response: { 200: z.object({ items: z.array(providerState) }), ...refusals(503) },
      },
    },
    async () => {
      try {
        return { items: [...(await providers.list())] };
      } catch {
        throw new Problem(503, "STORE_UNAVAILABLE", "The state of the providers cannot be read. Try again.");
      }
    },
  );
}
