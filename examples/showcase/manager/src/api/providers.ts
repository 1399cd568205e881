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
        summary: "How the sources of subtitles and the translators stand",
        description: "As the workers saw them last: quota left, and until when they are not asked.",
        response: { 200: z.object({ items: z.array(providerState) }), ...refusals(503) },
      },
    },
    async () => {
      try {
        return { items: [...(await providers.list())] };
      } catch {
        throw new Problem(
          503,
          "STORE_UNAVAILABLE",
          "What the workers know of the providers cannot be read. Please try again.",
        );
      }
    },
  );
}
