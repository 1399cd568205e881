import type { Ledger } from "./invariants.js";
import type { Rules } from "./rules.js";
import { CHECK_EVERY, HOLD, type JobRecord, type Message, type Place, type Seconds } from "./types.js";

/** Parts of a shard that its places need. */
interface Jobs {
  readonly records: readonly JobRecord[];
  readonly state: { arrivals: number; checkedAt: Seconds };
  isOver(record: JobRecord): boolean;
  sendWaiting(record: JobRecord, place: Place): void;
}

interface Environment {
  readonly rules: Rules;
  readonly ledger: Ledger;
  readonly time: { readonly now: Seconds };
}

/** Places of the limit of one shard. All of its jobs have the same key. */
export class Places {
  readonly #shard: Jobs;
  readonly #environment: Environment;
  readonly #max: number;

  constructor(shard: Jobs, environment: Environment, max: number) {
    this.#shard = shard;
    this.#environment = environment;
    this.#max = max;
  }

  get #now(): Seconds {
    return this.#environment.time.now;
  }

  /** True if a message waits, and the relay has not checked for some time. */
  get isCheckDue(): boolean {
    if (!this.#environment.rules.holds("checkWaiting") || this.#waiting.length === 0) return false;
    return this.#now - this.#shard.state.checkedAt >= CHECK_EVERY;
  }

  /** Returns true if the job may run. Leases whose time is over take no place. */
  hasPlace(record: JobRecord, queue: string): boolean {
    const running = this.#shard.records.filter(
      (other) => other !== record && other.counted && !this.#shard.isOver(other),
    );
    const holding = this.#holding.filter(
      ({ record: other, place }) => other !== record || place.message.queue !== queue,
    );
    return running.length + holding.length < this.#max;
  }

  /** Records that a claim gave the job a lease. */
  enter(record: JobRecord): void {
    const { ledger } = this.#environment;
    const others = this.#shard.records.filter((other) => other !== record && other.lease?.owned === true);
    if (!record.counted) {
      ledger.limited(
        record,
        others.filter((other) => !this.#shard.isOver(other)),
        this.#max,
      );
    }
    record.counted = true;
  }

  leave(record: JobRecord): void {
    if (this.#environment.rules.holds("freePlace")) record.counted = false;
  }

  /** Lets a message wait, in the place in the order of an earlier one of the same queue. */
  wait(record: JobRecord, message: Message, version: number): void {
    const { ledger, rules } = this.#environment;
    if (!rules.holds("keepWaiting")) return;
    const earlier = record.places.find((place) => place.message.queue === message.queue);
    ledger.replaced(earlier?.message, message);
    const { attempt } = record;
    const arrival = earlier?.arrival ?? ++this.#shard.state.arrivals;
    this.#forget(record, message.queue);
    // The message also answers the one that it replaces.
    const since = Math.max(version, earlier?.attempt === attempt ? earlier.version : 0);
    record.places = [...record.places, { message, arrival, attempt, version: since, heldUntil: null }];
  }

  /** Records that a claim of the queue was granted or refused. A message that waits is answered only by a claim that was granted. */
  answer(record: JobRecord, queue: string, claimed: boolean): void {
    const place = record.places.find(({ message }) => message.queue === queue);
    if (claimed || (place !== undefined && place.heldUntil !== null)) this.#forget(record, queue);
  }

  /** Sends the oldest messages as long as places are free. Comes at the end of each script. */
  sendNext(): void {
    for (;;) {
      const taken = this.#shard.records.filter(({ counted }) => counted).length + this.#holding.length;
      const [next] = this.#waiting;
      if (next === undefined || taken >= this.#max) return;
      const { record, place } = next;
      this.#shard.sendWaiting(record, place);
      record.places = record.places.map((one) => (one === place ? { ...one, heldUntil: this.#now + HOLD } : one));
    }
  }

  /** Sends what the relay finds by its check. */
  check(): void {
    if (!this.isCheckDue) return;
    this.#shard.state.checkedAt = this.#now;
    this.sendNext();
  }

  /** Messages that wait, in the order of arrival. */
  get #waiting(): { readonly record: JobRecord; readonly place: Place }[] {
    return this.#all.filter(({ place }) => place.heldUntil === null).sort((a, b) => a.place.arrival - b.place.arrival);
  }

  /** Sent messages that hold a place. */
  get #holding(): { readonly record: JobRecord; readonly place: Place }[] {
    return this.#all.filter(({ place }) => place.heldUntil !== null && place.heldUntil > this.#now);
  }

  get #all(): { readonly record: JobRecord; readonly place: Place }[] {
    return this.#shard.records.flatMap((record) => record.places.map((place) => ({ record, place })));
  }

  #forget(record: JobRecord, queue: string): void {
    record.places = record.places.filter(({ message }) => message.queue !== queue);
  }
}

/** Returns true if a message of the job waits for a place. */
export function isWaiting({ places }: JobRecord): boolean {
  return places.some(({ heldUntil }) => heldUntil === null);
}
