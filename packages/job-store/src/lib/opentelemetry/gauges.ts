import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api";
import type { JobStorage } from "../driver.js";

/** How the store stands, asked at each export. What cannot be asked just now is left out of that export. */
export class Gauges {
  readonly #meter: Meter;
  readonly #observables: Observable[];
  readonly #callback: BatchObservableCallback;

  constructor(meter: Meter, storage: JobStorage, definition: string) {
    const gauge = (name: string, unit: string, description: string) =>
      meter.createObservableGauge(name, { unit, description });
    const jobs = gauge("subtitles.job.count", "{job}", "Jobs in a status.");
    const depth = gauge("subtitles.outbox.depth", "{message}", "Messages stored and not yet published.");
    const age = gauge("subtitles.outbox.age", "s", "How long the oldest of these has waited; 0: there is none.");
    const rejected = gauge("subtitles.outbox.rejected", "{message}", "Messages set aside, which are not published.");
    const about = { "subtitles.job.definition": definition };

    this.#meter = meter;
    this.#observables = [jobs, depth, age, rejected];
    this.#callback = async (result) => {
      await Promise.allSettled([
        storage.counts().then((counts) => {
          for (const [status, count] of counts) {
            result.observe(jobs, count, { ...about, "subtitles.job.status": status });
          }
        }),
        storage.outbox.depth().then((count) => result.observe(depth, count, about)),
        storage.outbox.countRejected().then((count) => result.observe(rejected, count, about)),
        storage.outbox.oldestWait().then((ms) => result.observe(age, Math.max(0, ms ?? 0) / 1000, about)),
      ]);
    };
    meter.addBatchObservableCallback(this.#callback, this.#observables);
  }

  stop(): void {
    this.#meter.removeBatchObservableCallback(this.#callback, this.#observables);
  }
}
