import { signal } from "@preact/signals";

/** True while the tab is hidden. A hidden tab makes no call. */
export const hidden = signal(document.visibilityState === "hidden");

document.addEventListener("visibilitychange", () => {
  hidden.value = document.visibilityState === "hidden";
});
