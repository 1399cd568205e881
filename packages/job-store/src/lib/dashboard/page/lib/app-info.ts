import { signal } from "@preact/signals";
import type { DashboardInfo } from "../../protocol.js";
import { CallError, call } from "./api.js";
import { pause } from "./live.js";
import { needsToken } from "./token.js";
import { untilVisible } from "./visibility.js";

/** Description of the dashboard, once it is known. */
export const info = signal<DashboardInfo | null>(null);

/** Error of the last attempt to read the description. */
export const infoError = signal<CallError | null>(null);

const RETRY_MS = 3_000;

/** Reads the description again. If that fails, the present one stays. */
export async function reopenDashboard(): Promise<void> {
  try {
    info.value = await call("open", {});
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
  }
}

/** Reads the description, until that succeeds or the user must enter a token or is denied. */
export async function openDashboard(): Promise<void> {
  while (info.value === null) {
    await untilVisible();
    try {
      info.value = await call("open", {});
      infoError.value = null;
      needsToken.value = false;
      document.title = info.value.title;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      infoError.value = error;
      if (needsToken.value || error.code === "FORBIDDEN") return;
      await pause(RETRY_MS, AbortSignal.timeout(RETRY_MS * 2));
    }
  }
}
