/** Something for the log that is no error: what is wrong goes to `onError`, and what is right again comes here. */
export interface BrokerEvent {
  /** A connection is there: the first, or one in the place of one that was lost. */
  readonly type: "connected";
  /** In plain words, no secrets. */
  readonly message: string;
  /** The same for programs. */
  readonly details: {
    /** Of RabbitMQ, "publishing" or "consuming"; of the memory driver, "memory". */
    readonly connection: string;
    /** In the place of one that was lost. */
    readonly again: boolean;
    /** Milliseconds since that was lost, or since the first was wanted. */
    readonly afterMs: number;
  };
}

/** How a connection came to be there. */
export type Arrival = Omit<BrokerEvent["details"], "connection">;

export function connected(connection: string, { again, afterMs }: Arrival): BrokerEvent {
  const wholeMs = Math.round(afterMs);
  return {
    type: "connected",
    message: `Connected${again ? " again" : ""} after ${wholeMs} ms (${connection}).`,
    details: { connection, again, afterMs: wholeMs },
  };
}
