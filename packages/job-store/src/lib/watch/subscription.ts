import type { LoggedEvent, Place } from "../driver.js";
import type { Feed } from "./feed.js";

/** Events that one slow consumer may have waiting. Past it they go, and it is told. */
const MOST_WAITING = 1000;

/** Events up to `place` are missing. */
export interface Resync {
  readonly type: "resync";
  readonly reason: string;
  readonly place: Place;
  /** True if the log went back to this place. Consumers that have seen later events also get the resync. */
  readonly rewound: boolean;
  readonly feed: Feed;
}

/** An event of a log, or that some are missing; and which feed it came from. */
export type News = (LoggedEvent & { readonly feed: Feed }) | Resync;

/** Returns true if the log went back to an earlier place. */
export function isRewound(news: News): boolean {
  return news.type === "resync" && news.rewound;
}

/** What one consumer has yet to see. It bounds its own memory, and holds up nobody. */
export class Subscription {
  /** null: news of every job. */
  readonly id: string | null;
  #waiting: News[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(id: string | null) {
    this.id = id;
  }

  add(news: News): void {
    if (this.#waiting.length < MOST_WAITING) {
      this.#waiting.push(news);
    } else {
      const reason = `the consumer fell more than ${MOST_WAITING} events behind`;
      const all = [...this.#waiting, news];
      const feeds = new Map(all.map(({ feed, place }) => [feed, place]));
      const rewound = new Set(all.filter(isRewound).map(({ feed }) => feed));
      this.#waiting = [...feeds].map(([feed, place]) => ({
        ...{ type: "resync", reason, place, feed },
        rewound: rewound.has(feed),
      }));
    }
    this.#wake?.();
  }

  /** How many events it holds. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** What has come since the last look, or null at the end; waits for either. */
  async take(): Promise<readonly News[] | null> {
    while (this.#waiting.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#waiting;
    this.#waiting = [];
    return this.#ended ? null : taken;
  }
}
