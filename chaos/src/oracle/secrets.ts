import type { Check } from "./run.js";

/** How much is shown of what stands around a secret. */
const AROUND = 150;

/** Nothing that the processes wrote, and nothing that the runner has to tell, holds a password or a payload. */
export const secrets: Check = ({ written, problems, secrets: hidden }) =>
  [...written, ...problems].flatMap((text) =>
    hidden
      .map((secret) => text.indexOf(secret))
      .filter((at) => at >= 0)
      .map((at) => {
        const words = text.slice(Math.max(0, at - AROUND), at + AROUND);
        return { promise: "secrets stay secret", about: "something written", words } as const;
      }),
  );
