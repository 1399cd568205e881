import type { input } from "zod/v4/core";
import { checkOptions, checkWhole, type KeysOf } from "../arguments.js";
import type { JobDefinition, StatusOf } from "../definition.js";
import { JobStoreError } from "../errors.js";
import type { Job } from "../job.js";
import { CHANGE_OPTIONS } from "../option-keys.js";
import type { Change, JobStore, StoreEvent } from "../store.js";
import { Waiters } from "../waiters.js";
import { attemptProgress, attemptReport } from "./attempt.js";
import { closedWhileAway, noRoom } from "./given-up.js";
import { Journal } from "./journal.js";
import type { JournalContent } from "./journal-text.js";
import { Lane } from "./lane.js";
import { type Answer, checkProgress, checkWanted, Fences, newName, type Report } from "./report.js";
import type { RejectedChange, Reporter } from "./reporter.js";
import { Schedule } from "./schedule.js";

interface Settings<D extends JobDefinition> {
  readonly maxPending: number;
  readonly journalPath: string | undefined;
  /** Never throws. */
  readonly onRejected: (change: RejectedChange<D>) => void;
  readonly onEvent: (event: StoreEvent) => void;
}

const FLUSH_OPTIONS: KeysOf<NonNullable<Parameters<Reporter<JobDefinition>["flush"]>[0]>> = { timeoutMs: true };

/** Keeps a lane for each job that has something to be told, and takes the lanes forward one step at a time. */
export class StatusReporter<D extends JobDefinition> implements Reporter<D> {
  readonly #store: JobStore<D>;
  readonly #settings: Settings<D>;
  readonly #journal: Journal<D> | null = null;
  readonly #fences = new Fences<D>();
  readonly #lanes = new Map<string, Lane<D>>();
  /** Lanes with reports whose callers wait for an answer. */
  readonly #unanswered = new Set<Lane<D>>();
  readonly #schedule = new Schedule<D>((lane) => this.#step(lane));
  readonly #waiters = new Waiters();
  #pending = 0;
  /** Steps that are with the store. */
  #underWay = 0;
  #closing: Promise<void> | undefined;

  constructor(store: JobStore<D>, settings: Settings<D>) {
    this.#store = store;
    this.#settings = settings;
    if (settings.journalPath === undefined) return;
    const { journal, content } = Journal.open(settings.journalPath, store.definition);
    this.#journal = journal;
    this.#recover(journal, content);
  }

  get pending(): number {
    return this.#pending;
  }

  async report(target: string | Job<D>, to: StatusOf<D>, change: Change<D> = {}): Promise<Answer> {
    const { id, fence } = this.#fences.aim(target);
    const wanted = checkWanted(this.#store.definition, id, to, checkOptions(change, CHANGE_OPTIONS, "report"));
    if (this.#closing !== undefined) throw closed();
    return new Promise((answer) => {
      const lane = this.#lane(id);
      lane.add({ ...wanted, key: newName(), fence, reportedAt: Date.now(), state: "new", doubtful: false, answer });
      this.#unanswered.add(lane);
      if (this.#schedule.isAway) this.#hold(lane);
      this.#resume(lane);
    });
  }

  progress(target: string | Job<D>, progress: input<D["progress"]>): void {
    const { id, fence } = this.#fences.aim(target);
    const value = checkProgress(this.#store.definition, id, progress);
    if (this.#closing !== undefined) return;
    // No more jobs' progress is kept than status changes would be.
    if (this.#schedule.isAway && !this.#lanes.has(id) && this.#lanes.size >= this.#settings.maxPending) return;
    const lane = this.#lane(id);
    lane.progress = { fence, value };
    this.#resume(lane);
  }

  async flush(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    checkOptions(options, FLUSH_OPTIONS, "flush");
    const timeoutMs = checkWhole(options.timeoutMs ?? 30_000, "timeoutMs", 0, 2 ** 31 - 1);
    const end = performance.now() + timeoutMs;
    while (this.#lanes.size > 0) {
      if (this.#closing !== undefined) {
        await this.#closing;
        if (this.#lanes.size > 0) throw closed();
        return;
      }
      const left = end - performance.now();
      if (left <= 0) {
        const message = `After ${timeoutMs} ms the store has not taken everything: ${this.#pending} status changes wait.`;
        throw new JobStoreError("TIMEOUT", message);
      }
      await this.#waiters.wait(left);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    while (!this.#schedule.isAway && this.#lanes.size > 0) await this.#waiters.wait(1000);
    this.#schedule.stop();
    while (this.#underWay > 0) await this.#waiters.wait(1000);
    for (const lane of this.#lanes.values()) {
      lane.progress = null;
      if (this.#journal !== null) this.#hold(lane);
      else for (const report of [...lane.reports]) this.#reject(lane, report, closedWhileAway(report));
      this.#resume(lane);
    }
    await this.#journal?.close();
    this.#waiters.wake();
  }

  #lane(id: string): Lane<D> {
    let lane = this.#lanes.get(id);
    if (lane === undefined) {
      lane = new Lane<D>(id);
      this.#lanes.set(id, lane);
    }
    return lane;
  }

  /** Lets a lane go on, or forgets it. */
  #resume(lane: Lane<D>): void {
    if (!lane.isNew) this.#unanswered.delete(lane);
    if (lane.isReady) this.#schedule.add(lane);
    else if (lane.isEmpty) this.#lanes.delete(lane.id);
    this.#waiters.wake();
  }

  async #step(lane: Lane<D>): Promise<void> {
    const [report] = lane.reports;
    lane.underWay = report ?? "progress";
    this.#underWay++;
    if (report === undefined) await this.#tellProgress(lane);
    else await this.#tellStatus(lane, report);
    lane.underWay = null;
    this.#underWay--;
    if (this.#schedule.isAway) for (const waiting of this.#unanswered) this.#hold(waiting);
    this.#resume(lane);
  }

  /**
   * The journal is told before the lane goes on: a change that is over must not be judged anew, after a crash, in the light
   * of those that followed it. One that was refused stays in it until `onRejected` has been told.
   */
  async #tellStatus(lane: Lane<D>, report: Report<D>): Promise<void> {
    const outcome = await attemptReport(this.#store, report);
    this.#schedule.heard(outcome.kind !== "away");
    if (outcome.kind === "away") return;
    const journal = report.state === "waiting" ? this.#journal : null;
    if (outcome.kind === "refused") {
      await journal?.refuse(report, outcome.error);
      this.#settings.onRejected({ id: report.id, to: report.to, error: outcome.error });
    }
    await journal?.settle(report);
    this.#dismiss(lane, report);
    report.answer(outcome.kind === "stored" ? "stored" : "rejected");
  }

  async #tellProgress(lane: Lane<D>): Promise<void> {
    const { progress } = lane;
    if (progress === null) return;
    lane.progress = null;
    const outcome = await attemptProgress(this.#store, lane.id, progress.fence, progress.value);
    this.#schedule.heard(outcome.kind !== "away");
    // Tried again unless something newer has come meanwhile.
    if (outcome.kind === "away" && lane.reports.length === 0) lane.progress ??= progress;
  }

  /** Has a lane's new reports wait, in order: not before the one that is with the store has its own answer. */
  #hold(lane: Lane<D>): void {
    const { underWay } = lane;
    if (underWay !== null && underWay !== "progress" && underWay.state === "new") return;
    this.#unanswered.delete(lane);
    for (const report of [...lane.reports]) {
      if (report.state !== "new") continue;
      if (this.#pending >= this.#settings.maxPending) this.#reject(lane, report, noRoom(report, this.#pending));
      else if (this.#journal !== null) void this.#write(lane, report, this.#journal);
      else this.#wait(report);
    }
  }

  #wait(report: Report<D>): void {
    this.#pending++;
    report.state = "waiting";
    report.answer("pending");
  }

  async #write(lane: Lane<D>, report: Report<D>, journal: Journal<D>): Promise<void> {
    // Counts from here on, so that no more are written than may wait.
    this.#pending++;
    report.state = "accepting";
    try {
      await journal.accept(report);
      report.state = "waiting";
      report.answer("pending");
    } catch (error) {
      this.#pending--;
      report.state = "new";
      this.#reject(lane, report, error as JobStoreError);
    }
    this.#resume(lane);
  }

  #reject(lane: Lane<D>, report: Report<D>, error: JobStoreError): void {
    this.#settings.onRejected({ id: report.id, to: report.to, error });
    this.#dismiss(lane, report);
    report.answer("rejected");
  }

  #dismiss(lane: Lane<D>, report: Report<D>): void {
    lane.remove(report);
    if (report.state === "waiting") this.#pending--;
  }

  /** Takes up what an earlier reporter left. That one may have tried any of it, so all of it is in doubt. */
  #recover(journal: Journal<D>, { waiting, damaged }: JournalContent): void {
    const path = this.#settings.journalPath;
    if (damaged.length > 0) {
      const message = `Skipped ${damaged.length} damaged lines of the journal ${path}; a copy is in ${path}.damaged.`;
      const event = { type: "warning", message, details: { lines: damaged.slice(0, 100) } } as const;
      // In a turn of its own, like all that is told: the caller has no reporter yet.
      queueMicrotask(() => this.#settings.onEvent(event));
    }
    for (const { key, fence, at, id, to, change, refusal } of waiting) {
      try {
        if (refusal !== undefined) throw refusal;
        const wanted = checkWanted<D>(this.#store.definition, id, to, change);
        const lane = this.#lane(wanted.id);
        const report: Report<D> = {
          ...wanted,
          key,
          fence,
          reportedAt: at,
          state: "waiting",
          doubtful: true,
          answer: () => {},
        };
        journal.adopt(report);
        lane.add(report);
        this.#pending++;
      } catch (error) {
        // Refused before and perhaps not told; or not known any more to a definition that has changed since.
        const rejected = { id, to: to as StatusOf<D>, error: error as JobStoreError };
        queueMicrotask(() => {
          this.#settings.onRejected(rejected);
          void journal.strike({ key, fence });
        });
      }
    }
    for (const lane of this.#lanes.values()) this.#resume(lane);
  }
}

function closed(): JobStoreError {
  return new JobStoreError("CLOSED", "The reporter is closed; create another one to go on.");
}
