/** A client of RabbitMQ at work for one queue to publish to and one to consume. */
export interface Client {
  /** Settles with the broker's confirm, or rejects as the library does. */
  publish(id: string): Promise<void>;
  /** As the library closes in good order. */
  close(): Promise<void>;
}

/** What a client works on. */
export interface Task {
  readonly url: string;
  readonly type: "quorum" | "classic";
  /** Names of queues, which the client declares: durable, of that type. */
  readonly publishTo: string;
  readonly consumeFrom: string;
  /** Messages in hand at a time. */
  readonly prefetch: number;
  /** Runs for every delivery; the message is acknowledged once it has resolved. Does not reject. */
  readonly onMessage: (id: string) => Promise<void>;
}

/** A library, used as its own documentation shows for a service that is to survive its broker. */
export interface Peer {
  /** What of its documentation was followed, in a few words. */
  readonly usage: string;
  /** Resolves once it consumes and can publish. */
  open(task: Task): Promise<Client>;
}

export const BODY = { text: "x".repeat(500) };
