import type { ClaimRequest, Origin, WaitingMessage } from "../driver.js";
import type { KeptMessage, LimitedKey } from "./work-state.js";

/** Time for which a sent message holds its place, in milliseconds. */
const HOLD_MS = 10_000;
/** Time between two checks of a list, in milliseconds. */
const CHECK_MS = 60_000;
/** Maximum number of lists that are checked in one step, and of messages that one step sends for a key. */
const MAX_LISTS = 20;
const MAX_SENT = 100;

/** Message of a job that is above the limit of its key. */
interface Entry extends LimitedKey {
  readonly jobId: string;
  readonly message: KeptMessage;
  /** Run and version that its origin will have. */
  readonly origin: Pick<Origin, "createdAt" | "attempt" | "version">;
  /** Number that orders the messages. */
  readonly arrival: number;
  /** Time until which the message, which was sent, holds its place. 0: it waits. */
  heldUntil: number;
}

/** Messages that wait for the same key and queue, in the order of arrival. */
interface List {
  readonly entries: Entry[];
  checkAt: number;
}

/** Places of the jobs of limited keys: who takes them, and which messages wait for one. */
export class MemoryPlaces {
  /** Key of each running job that counts. */
  readonly #running = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  /** Messages that wait or were sent, by job and queue. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #lists = new Map<string, List>();
  /** Sent messages by key. */
  readonly #sent = new Map<string, Set<Entry>>();
  /** Newest `max` by field and queue. */
  readonly #limits = new Map<string, number>();
  readonly #table: { readonly send: (entry: Entry) => void; readonly isLimited: (field: string) => boolean };
  /** Keys with a place that became free during `together`. null: outside of it. */
  #freed: Set<string> | null = null;
  #arrivals = 0;

  /** @param table `send` puts a message into the outbox. `isLimited` returns true if a live worker limits the field. */
  constructor(table: { readonly send: (entry: Entry) => void; readonly isLimited: (field: string) => boolean }) {
    this.#table = table;
  }

  /** Makes a change in which places become free and are taken. The messages for those that stay free are sent at the end. */
  together<T>(change: () => T): T {
    this.#freed = new Set();
    try {
      return change();
    } finally {
      const freed = this.#freed;
      this.#freed = null;
      for (const key of freed) this.#sendNext(key);
    }
  }

  /** Returns true if the job may run: it has a place already, or one is free. */
  hasPlace(key: LimitedKey, jobId: string, queue: string, max: number): boolean {
    const name = nameOf(key);
    this.#limits.set(limitName(key.field, queue), max);
    const own = this.#entries.get(jobId)?.get(queue);
    const holds = own !== undefined && nameOf(own) === name && own.heldUntil > Date.now() ? 1 : 0;
    const runs = this.#running.get(jobId) === name ? 1 : 0;
    return this.#taken(name) - holds - runs < max;
  }

  /** Notes that a job that counts runs. */
  enter(jobId: string, key: LimitedKey): void {
    const name = nameOf(key);
    if (this.#running.get(jobId) === name) return;
    this.leave(jobId);
    this.#running.set(jobId, name);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Notes that a job does not run any more. */
  leave(jobId: string): void {
    const name = this.#running.get(jobId);
    if (name === undefined) return;
    this.#running.delete(jobId);
    const count = (this.#counts.get(name) ?? 0) - 1;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
    this.#free(name);
  }

  /** Lets a message wait. It gets the place in the order of an earlier message of the same job and queue. */
  wait(jobId: string, key: LimitedKey, message: ClaimRequest["message"], origin: Entry["origin"]): void {
    const { queue, id, payload, headers } = message;
    const earlier = this.#entries.get(jobId)?.get(queue);
    if (earlier !== undefined) this.#remove(earlier);
    const { createdAt, attempt } = origin;
    // The message also answers the one that it replaces.
    const version = Math.max(origin.version, earlier?.origin.attempt === attempt ? earlier.origin.version : 0);
    const entry: Entry = {
      ...{ field: key.field, value: key.value, jobId, heldUntil: 0 },
      origin: { createdAt, attempt, version },
      message: { queue, id, payload, headers },
      arrival: earlier?.arrival ?? this.#arrivals++,
    };
    const list = this.#lists.get(listName(entry)) ?? { entries: [], checkAt: Date.now() + CHECK_MS };
    list.entries.splice(list.entries.findLastIndex(({ arrival }) => arrival < entry.arrival) + 1, 0, entry);
    this.#lists.set(listName(entry), list);
    this.#entries.set(jobId, (this.#entries.get(jobId) ?? new Map<string, Entry>()).set(queue, entry));
  }

  /**
   * Notes that a claim of the queue was granted (`claimed`) or refused. It answers the message of the job, unless it was refused and waits.
   * @returns true if something was changed
   */
  answer(jobId: string, queue: string, claimed: boolean): boolean {
    const entry = this.#entries.get(jobId)?.get(queue);
    if (entry === undefined || !(claimed || entry.heldUntil > 0)) return false;
    this.#remove(entry);
    return true;
  }

  /** Forgets a deleted job. */
  delete(jobId: string): void {
    for (const entry of [...(this.#entries.get(jobId)?.values() ?? [])]) this.#remove(entry);
    this.leave(jobId);
  }

  /** Returns the messages of a job that wait. */
  waiting(jobId: string): readonly WaitingMessage[] {
    return [...(this.#entries.get(jobId)?.values() ?? [])].flatMap((entry) => {
      const { field, value, message, origin, heldUntil } = entry;
      if (heldUntil > 0) return [];
      const { queue } = message;
      const max = this.#limits.get(limitName(field, queue)) ?? null;
      const ahead = this.#lists.get(listName(entry))?.entries.indexOf(entry) ?? 0;
      return [{ queue, createdAt: origin.createdAt, field, value, max, taken: this.#taken(nameOf(entry)), ahead }];
    });
  }

  /** Checks the lists whose time has come: sends messages that nothing else would send. */
  check(): void {
    const now = Date.now();
    const due = [...this.#lists].filter(([, { checkAt }]) => checkAt <= now).slice(0, MAX_LISTS);
    for (const [name, list] of due) {
      list.checkAt = now + CHECK_MS;
      const [first] = list.entries;
      if (first === undefined) this.#lists.delete(name);
      else if (this.#table.isLimited(first.field)) this.#sendNext(nameOf(first));
      else this.#sendAll(list);
    }
  }

  /** Time in milliseconds until the next check. */
  get msToNextCheck(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { checkAt } of this.#lists.values()) next = Math.min(next, checkAt);
    return next - Date.now();
  }

  #taken(name: string): number {
    const now = Date.now();
    let taken = this.#counts.get(name) ?? 0;
    for (const { heldUntil } of this.#sent.get(name) ?? []) if (heldUntil > now) taken++;
    return taken;
  }

  #free(name: string): void {
    if (this.#freed === null) this.#sendNext(name);
    else this.#freed.add(name);
  }

  /** Sends the oldest messages of a key as long as places are free. */
  #sendNext(name: string): void {
    const lists = [...this.#lists.values()].filter(
      ({ entries: [first] }) => first !== undefined && nameOf(first) === name,
    );
    for (let sent = 0; sent < MAX_SENT; sent++) {
      const taken = this.#taken(name);
      const heads = lists.flatMap(({ entries: [first] }) => (first === undefined ? [] : [first]));
      const [next] = heads
        .filter(({ field, message }) => taken < (this.#limits.get(limitName(field, message.queue)) ?? 0))
        .sort((a, b) => a.arrival - b.arrival);
      if (next === undefined) return;
      this.#send(next);
    }
    for (const list of lists) list.checkAt = 0;
  }

  #sendAll(list: List): void {
    for (const entry of list.entries.slice(0, MAX_SENT)) this.#send(entry);
    if (list.entries.length > 0) list.checkAt = 0;
  }

  #send(entry: Entry): void {
    this.#unlist(entry);
    entry.heldUntil = Date.now() + HOLD_MS;
    const name = nameOf(entry);
    this.#sent.set(name, (this.#sent.get(name) ?? new Set<Entry>()).add(entry));
    this.#table.send(entry);
  }

  #unlist(entry: Entry): void {
    const entries = this.#lists.get(listName(entry))?.entries ?? [];
    const index = entries.indexOf(entry);
    if (index >= 0) entries.splice(index, 1);
  }

  #remove(entry: Entry): void {
    const ofJob = this.#entries.get(entry.jobId);
    ofJob?.delete(entry.message.queue);
    if (ofJob?.size === 0) this.#entries.delete(entry.jobId);
    this.#unlist(entry);
    const name = nameOf(entry);
    const sent = this.#sent.get(name);
    if (sent?.delete(entry) !== true) return;
    if (sent.size === 0) this.#sent.delete(name);
    this.#free(name);
  }
}

function nameOf({ field, value }: LimitedKey): string {
  return `${field}=${value}`;
}

function listName({ message, ...key }: Entry): string {
  return JSON.stringify([nameOf(key), message.queue]);
}

function limitName(field: string, queue: string): string {
  return `${field}=${queue}`;
}
