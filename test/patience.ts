/** How long a test waits for a condition that comes true in milliseconds: long enough for any busy machine. */
export const PATIENCE = { timeout: 60_000, interval: 20 } as const;
