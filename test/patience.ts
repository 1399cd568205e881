/** Options for waiting. Most conditions are met within milliseconds. The limit is long enough for a busy machine. */
export const PATIENCE = { timeout: 60_000, interval: 20 } as const;
