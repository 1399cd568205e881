import { signal } from "@preact/signals";

/** True while the tab is hidden. A hidden tab makes no call. */
export const hidden = signal(document.visibilityState === "hidden");

document.addEventListener("visibilitychange", () => {
  hidden.value = document.visibilityState === "hidden";
});

/** Resolves when the tab is visible. */
export async function untilVisible(): Promise<void> {
  while (hidden.value) {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}
