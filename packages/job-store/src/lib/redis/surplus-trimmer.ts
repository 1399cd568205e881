import { storeKeys } from "./keys.js";
import { type Script, scriptOf, surplusParts } from "./scripts.js";
import type { RedisSession } from "./session.js";
import { constantsText, eventConstants } from "./write-scripts.js";

/** How many jobs may enter a status before its surplus is looked at again. */
const EVERY = 32;

/** How many jobs are named at once at most. */
const BATCH = 2000;

const MOST_REACH = 1024;

/** When a status is looked at after jobs have entered it. */
const SETTLE_MS = 50;

/** When it is looked at again after a look has failed. */
const RETRY_MS = 500;

/** Looking goes on while writes do, up to this many at a time where replies are slow. */
const MOST_UNDERWAY = 64;

/** A status with a limit. */
interface Limited {
  readonly status: string;
  readonly most: number;
  /** Jobs sent into the status since it was last looked at. */
  entered: number;
  /** Jobs that looks under way were sent for. */
  awaited: number;
  /** As of the last look that came back. */
  surplus: number;
  /** How many jobs a look has to name, besides those that looks under way do. */
  reach: number;
  /** Some of the oldest, to be named by the next looks. */
  oldest: readonly string[];
  settling: NodeJS.Timeout | undefined;
  catchingUp: boolean;
}

/**
 * Keeps statuses to their `maxCount`. Nobody waits for it: looks are sent among the writes, on the same connection and
 * without waiting for each other, so that the surplus stays small however many writes are under way. A script may only
 * delete what its caller names, so a look also asks for the oldest jobs when the next ones need them.
 */
export class SurplusTrimmer {
  readonly #session: RedisSession;
  readonly #script: Script;
  readonly #limited: ReadonlyMap<string, Limited>;
  readonly #underway = new Set<Promise<void>>();
  #closed = false;

  constructor(session: RedisSession, maxCount: ReadonlyMap<string, number>, eventLogLength: number) {
    this.#session = session;
    this.#script = scriptOf(constantsText(eventConstants(eventLogLength)), ...surplusParts);
    this.#limited = new Map(Array.from(maxCount, ([status, most]) => [status, limitedTo(status, most)]));
  }

  /**
   * Counts jobs that were just sent into statuses. If a status is due, the excess is trimmed by a script that is sent now, before
   * the next jobs.
   */
  sent(calls: readonly { readonly enters: string | null }[]): void {
    if (this.#limited.size === 0) return;
    const entered = new Set<Limited>();
    for (const { enters } of calls) {
      const limited = enters === null ? undefined : this.#limited.get(enters);
      if (limited === undefined) continue;
      limited.entered++;
      entered.add(limited);
    }
    for (const limited of entered) if (limited.entered >= EVERY) this.#look(limited);
  }

  /** The call that sent it is over, maybe long after the looks among the writes: it may have had to be repeated. */
  entered(status: string): void {
    const limited = this.#limited.get(status);
    if (limited !== undefined) this.#lookIn(SETTLE_MS, limited);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { settling } of this.#limited.values()) clearTimeout(settling);
    await Promise.all(this.#underway);
  }

  #lookIn(ms: number, limited: Limited): void {
    if (this.#closed) return;
    limited.settling ??= setTimeout(() => {
      limited.settling = undefined;
      this.#look(limited);
    }, ms).unref();
  }

  #look(limited: Limited): void {
    if (this.#closed || this.#underway.size >= MOST_UNDERWAY) return;
    const { entered } = limited;
    limited.entered = 0;
    limited.awaited += entered;
    const look: Promise<void> = this.#trim(limited)
      // Mostly for want of a connection. Nobody may write when it is back, and the surplus would stay.
      .catch(() => this.#lookIn(RETRY_MS, limited))
      .finally(() => {
        limited.awaited -= entered;
        this.#underway.delete(look);
      });
    this.#underway.add(look);
  }

  /** One look, and where it leaves a surplus, others until there is none, whether or not more is written. */
  async #trim(limited: Limited): Promise<void> {
    await this.#trimOnce(limited);
    if (limited.catchingUp) return;
    limited.catchingUp = true;
    try {
      while (limited.surplus > 0 && !this.#closed) await this.#trimOnce(limited);
    } finally {
      limited.catchingUp = false;
    }
  }

  async #trimOnce(limited: Limited): Promise<void> {
    const { keys } = this.#session;
    const { status, most, surplus, oldest } = limited;
    // Looks under way name the same jobs, and will have deleted them before this one.
    const needed = limited.awaited + limited.reach + 2 * Math.max(0, surplus);
    const victims = oldest.slice(0, Math.min(needed, BATCH));
    const asked = surplus > 0 || oldest.length < 4 * needed ? Math.min(512 + 4 * needed, BATCH) : 0;
    const touched = [...storeKeys(keys), ...victims.map(keys.job)];
    const reply = await this.#session.write(({ metadata, evaluate }) => {
      const codes = metadata.codes
        .filter((code) => code.status === status)
        .map(({ code, ttlMs }) => `${code} ${ttlMs}`);
      const args = [metadata.edition, most, asked, codes.join(" "), ...victims];
      return evaluate(this.#script, touched, args);
    });
    const [, left, tried, late, ...found] = reply;
    limited.surplus = Number(left);
    // Other stores delete the same jobs: then more must be named for some of them to be there.
    const short = limited.surplus > 0 && Number(tried) === victims.length;
    const reach = Math.max(EVERY, Math.floor(limited.reach * 0.97), Math.ceil(1.5 * Number(late)));
    limited.reach = Math.min(short ? 2 * limited.reach : reach, MOST_REACH);
    const gone = new Set(victims.slice(0, Number(tried)));
    limited.oldest = asked > 0 ? found.map(String) : limited.oldest.filter((id) => !gone.has(id));
  }
}

function limitedTo(status: string, most: number): Limited {
  return {
    status,
    most,
    entered: 0,
    awaited: 0,
    surplus: 0,
    reach: EVERY,
    oldest: [],
    settling: undefined,
    catchingUp: false,
  };
}
