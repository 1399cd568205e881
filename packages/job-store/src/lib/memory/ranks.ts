import type { StoredJob } from "./job-table.js";

/** The jobs of each status, in the order in which they entered it. */
export class StatusOrder {
  readonly #ranks = new Map<string, Map<string, StoredJob>>();
  readonly #newest = new Map<string, number>();
  /** Statuses that a job was put into with a time of long ago. */
  readonly #unordered = new Set<string>();

  add(job: StoredJob): void {
    const { id, status, statusAt } = job;
    const rank = this.#ranks.get(status) ?? new Map<string, StoredJob>();
    this.#ranks.set(status, rank.set(id, job));
    const newest = this.#newest.get(status) ?? statusAt;
    if (statusAt < newest) this.#unordered.add(status);
    else this.#newest.set(status, statusAt);
  }

  /** A job that did not enter its status anew keeps its place. */
  replace(before: StoredJob, after: StoredJob): void {
    if (before.status === after.status && before.statusAt === after.statusAt) {
      this.#ranks.get(after.status)?.set(after.id, after);
    } else {
      this.remove(before);
      this.add(after);
    }
  }

  remove({ id, status }: StoredJob): void {
    this.#ranks.get(status)?.delete(id);
  }

  count(status: string): number {
    return this.#ranks.get(status)?.size ?? 0;
  }

  oldest(status: string): StoredJob | undefined {
    if (this.#unordered.delete(status)) {
      const jobs = [...(this.#ranks.get(status) ?? [])].sort(([, a], [, b]) => a.statusAt - b.statusAt);
      this.#ranks.set(status, new Map(jobs));
    }
    const [first] = this.#ranks.get(status)?.values() ?? [];
    return first;
  }
}
