import { expect, vi } from "vitest";
import { type Job, type JobStore, JobStoreError, type JobStoreErrorCode } from "../../index.js";
import { type Report, STATUSES } from "./definitions.js";

/** Expects the call to fail with this code and these fields of the error. */
export async function expectRefusal(
  call: Promise<unknown>,
  code: JobStoreErrorCode,
  fields: Partial<JobStoreError> = {},
): Promise<JobStoreError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in outcome)) return expect.fail(`expected ${code}, but the call went through`);
  const { error } = outcome;
  if (!JobStoreError.is(error, code)) return expect.fail(`expected ${code}, got ${error}`);
  expect(error.message).not.toBe("");
  expect(error).toMatchObject(fields);
  return error;
}

/** Returns everything that can be read from a store. A rejected call must not change it. */
export async function view(store: JobStore<Report>) {
  return {
    jobs: (await store.list({ limit: 1000 })).items,
    byStatus: await Promise.all(
      STATUSES.map(async (status) => [status, idsOf((await store.list({ status, limit: 1000 })).items)]),
    ),
    counts: await store.counts(),
    messages: await store.outbox.depth(),
    rejected: await store.outbox.rejected(),
  };
}

export function idsOf(jobs: readonly Pick<Job<Report>, "id">[]): string[] {
  return jobs.map(({ id }) => id);
}

/** Options to wait for a condition. The limit is long, because the server can be slow and the machine busy. */
export const PATIENCE = { timeout: 60_000, interval: 10 };

/** Waits until a job has expired. */
export function gone(store: { get(id: string): Promise<unknown> }, id: string): Promise<void> {
  return vi.waitFor(async () => expect(await store.get(id)).toBeNull(), PATIENCE);
}

/** Returns the time of the storage's clock in milliseconds. */
export async function clockOf(store: Pick<JobStore<Report>, "create" | "delete">): Promise<number> {
  const { job } = await store.create({ title: "A clock" });
  await store.delete(job.id);
  return job.createdAt.getTime();
}

/** Waits until the storage's clock is later than `moment`. */
export function laterThan(store: JobStore<Report>, moment: Date): Promise<void> {
  return vi.waitFor(async () => expect(await clockOf(store)).toBeGreaterThan(moment.getTime()), PATIENCE);
}

export async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const one of all) collected.push(one);
  return collected;
}

/** Returns `count` ids in ascending order. */
export function manyIds(count: number, prefix = "job"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(4, "0")}`);
}
