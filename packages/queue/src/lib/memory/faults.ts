import { checkWhole } from "../arguments.js";

/** Faults on demand, for tests of what publishes and consumes. They meet every broker over the driver. */
export interface MemoryFaults {
  /**
   * Breaks every connection once; they are mended at once. What consumers had in hand is no longer theirs and arrives again,
   * flagged `redelivered`; a handler that is still at work gets it attached.
   */
  dropConnections(): void;
  /**
   * Breaks every connection and accepts no other until `comeBack`. Calls wait for that up to the driver's `timeoutMs` and
   * are UNAVAILABLE then. Messages stay.
   */
  goAway(): void;
  /** Accepts connections again: calls that still wait go through, and consuming resumes. */
  comeBack(): void;
  /**
   * Takes no messages until `unblock`, as a broker with a memory or disk alarm does. A publish waits for that up to the
   * driver's `timeoutMs` and is a TIMEOUT then; health is `degraded`; consumers go on.
   */
  block(): void;
  /** Takes messages again: publishes that still wait go through. */
  unblock(): void;
  /** The next acknowledgements get lost: their messages are delivered again. @param count 1–1,000,000. @default 1 */
  loseAcks(count?: number): void;
  /**
   * The next publishes find no queue and are UNROUTABLE. The copies that retries and dead letters are made of do not count.
   *
   * @param count 1–1,000,000. @default 1
   */
  returnMessages(count?: number): void;
}

/** Whom faults meet. */
export interface Client {
  disconnected(): void;
  reconnected(): void;
  /** What was not possible may be possible now. */
  recovered(): void;
}

const MOST = 1_000_000;

/** What is wrong at present. */
export class Faults implements MemoryFaults {
  readonly #clients = new Set<Client>();
  #away = false;
  #blocked = false;
  #acksToLose = 0;
  #messagesToReturn = 0;

  get away(): boolean {
    return this.#away;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** Whether this acknowledgement is one that gets lost. */
  losesAck(): boolean {
    return this.#acksToLose > 0 && this.#acksToLose-- > 0;
  }

  /** Whether this message is one that finds no queue. */
  returnsMessage(): boolean {
    return this.#messagesToReturn > 0 && this.#messagesToReturn-- > 0;
  }

  meet(client: Client): void {
    this.#clients.add(client);
  }

  spare(client: Client): void {
    this.#clients.delete(client);
  }

  dropConnections(): void {
    if (this.#away) return;
    this.goAway();
    this.comeBack();
  }

  goAway(): void {
    if (this.#away) return;
    this.#away = true;
    for (const client of [...this.#clients]) client.disconnected();
  }

  comeBack(): void {
    if (!this.#away) return;
    this.#away = false;
    for (const client of [...this.#clients]) client.reconnected();
    this.#recover();
  }

  block(): void {
    this.#blocked = true;
  }

  unblock(): void {
    this.#blocked = false;
    this.#recover();
  }

  loseAcks(count = 1): void {
    this.#acksToLose = checkWhole(count, "count", 1, MOST);
  }

  returnMessages(count = 1): void {
    this.#messagesToReturn = checkWhole(count, "count", 1, MOST);
  }

  #recover(): void {
    for (const client of [...this.#clients]) client.recovered();
  }
}
