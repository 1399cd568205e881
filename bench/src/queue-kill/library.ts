/** Connected client of RabbitMQ that publishes to one queue and consumes another. */
export interface Client {
  /** Resolves after the confirm of the broker. Rejects if the library reports an error. */
  publish(id: string): Promise<void>;
  /** Closes the client in the way that the library documents. */
  close(): Promise<void>;
}

/** Settings of a client. */
export interface Task {
  readonly url: string;
  readonly type: "quorum" | "classic";
  /** Names of the queues. The client declares them as durable queues of this type. */
  readonly publishTo: string;
  readonly consumeFrom: string;
  /** Maximum number of unacknowledged messages. */
  readonly prefetch: number;
  /** Handler of every delivery. It never rejects. The message is acknowledged after it has resolved. */
  readonly onMessage: (id: string) => Promise<void>;
}

/** Library, used as its documentation recommends for a service that must survive a restart of the broker. */
export interface Library {
  /** Short description of the recommendations that are followed. */
  readonly usage: string;
  /** Resolves when the client consumes and can publish. */
  open(task: Task): Promise<Client>;
}

export const BODY = { text: "x".repeat(500) };
