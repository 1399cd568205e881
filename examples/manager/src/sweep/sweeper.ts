import { setTimeout as delay } from "node:timers/promises";
import { downloadQueue, type Log, type SubtitleFiles, type SubtitleStore, translateQueue } from "@example/contracts";
import { JobStoreError } from "@subtitles/job-store";
import { type Broker, QueueError } from "@subtitles/queue";
import { failDeadJobs } from "./dead.js";
import { removeOrphans } from "./orphans.js";
import { wakeParked } from "./parked.js";
import { askForStranded } from "./stranded.js";

export interface SweeperOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly files: SubtitleFiles;
  readonly log: Log;
  /** Milliseconds between sweeps. @default 60_000 */
  readonly everyMs?: number | undefined;
  /** See `askForStranded`. @default five minutes */
  readonly quietMs?: number | undefined;
  /** See `askForStranded`. @default one hour */
  readonly hopelessMs?: number | undefined;
  /** See `removeOrphans`; it is also the time between two looks. @default one hour */
  readonly orphanMs?: number | undefined;
}

export interface Sweeper extends AsyncDisposable {
  /** Since it was started: jobs failed because of a dead letter, jobs asked for again, parked jobs sent on, jobs gone whose files were removed. */
  readonly swept: {
    readonly dead: number;
    readonly stranded: number;
    readonly parked: number;
    readonly orphans: number;
  };
  close(): Promise<void>;
}

const HOUR = 3_600_000;

/** Looks now and then for jobs that nobody will finish, and for those whose wait is over. Several managers may do so side by side. */
export function startSweeper(options: SweeperOptions): Sweeper {
  const {
    store,
    broker,
    files,
    log,
    everyMs = 60_000,
    quietMs = 300_000,
    hopelessMs = HOUR,
    orphanMs = HOUR,
  } = options;
  const stop = new AbortController();
  const swept = { dead: 0, stranded: 0, parked: 0, orphans: 0 };
  const askedAt = new Map<string, number>();
  let orphansDueAt = performance.now() + orphanMs;

  async function sweep(): Promise<void> {
    // First, and without RabbitMQ: their messages go through the outbox.
    swept.parked += await wakeParked(store);
    if (performance.now() >= orphansDueAt) {
      orphansDueAt = performance.now() + orphanMs;
      swept.orphans += await removeOrphans(store, files, { olderThanMs: orphanMs });
    }
    for (const queue of [downloadQueue, translateQueue]) swept.dead += await failDeadJobs(store, broker, queue);
    swept.stranded += await askForStranded({ ...options, quietMs, hopelessMs, askedAt });
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await delay(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => {});
      if (stop.signal.aborted) return;
      const before = { ...swept };
      try {
        await sweep();
      } catch (error) {
        const away = JobStoreError.is(error) || QueueError.is(error);
        log[away ? "warn" : "error"]({ err: error }, "sweep: it is tried again later");
      }
      const found = { dead: swept.dead - before.dead, stranded: swept.stranded - before.stranded };
      if (found.dead + found.stranded > 0) log.warn(found, "sweep: jobs were stuck");
    }
  }

  const running = run();
  const close = async () => {
    stop.abort();
    await running;
  };
  return { swept, close, [Symbol.asyncDispose]: close };
}
