import { signal } from "@preact/signals";

/** Text for screen readers, and for the line at the bottom of the page. */
export const announcement = signal<{ readonly text: string } | null>(null);

/** Reports a result to the user without moving the focus. */
export function announce(text: string): void {
  announcement.value = { text };
}
