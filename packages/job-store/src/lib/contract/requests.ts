import { v7 as uuid } from "uuid";
import { expect, vi } from "vitest";
import type { ClaimOptions, ClaimResult, Job, JobStore, OutboxEntry } from "../../index.js";
import type { Report } from "./definitions.js";
import { PATIENCE } from "./expectations.js";

/** Steps of the tests of leases. Jobs are claimed from "waiting" and "checking" to "working". */

export const MINUTE = 60_000;
/** Duration of a lease whose end a test waits for, in milliseconds. */
export const SHORT = 100;

type Request = ClaimOptions<Report, "working">["message"];
export type Claimed = Extract<ClaimResult<Report, "working">, { readonly kind: "claimed" }>;

/** Returns a message that requests a job and was published directly, so it has no origin. */
export function direct(id = "m-1", queue = "reports"): Request {
  return { queue, id, payload: { id }, headers: { k: "v" } };
}

/** Returns the message that a consumer receives for an entry of the outbox. */
export function received({ queue, id, payload, headers, origin }: OutboxEntry): Request {
  return { queue, id, payload, headers, ...(origin !== undefined && { origin }) };
}

/** Returns a message of the outbox as if it had been delayed until a time. */
export function dueAt({ origin, ...message }: Request, time: Date | number): Request {
  const values: unknown[] = JSON.parse(origin ?? expect.fail("the message has no origin"));
  return { ...message, origin: JSON.stringify([...values.slice(0, -1), Number(time)]) };
}

export function claim(
  store: JobStore<Report>,
  id: string,
  message: Request = direct(),
  options: Partial<ClaimOptions<Report, "working">> = {},
): Promise<ClaimResult<Report, "working">> {
  const from = ["waiting", "checking"] as const;
  return store.claim(id, "working", { from, leaseMs: MINUTE, key: uuid(), message, ...options });
}

/** Claims a job, and expects that this succeeds. */
export async function claimed(...parameters: Parameters<typeof claim>): Promise<Claimed> {
  const answer = await claim(...parameters);
  return answer.kind === "claimed" ? answer : expect.fail(`expected "claimed", got "${answer.kind}"`);
}

/** Creates a job and claims it. */
export async function createClaimed(
  store: JobStore<Report>,
  id: string,
  ...rest: [Request?, Partial<ClaimOptions<Report, "working">>?]
): Promise<Claimed> {
  await store.create({ title: "One" }, { id });
  return claimed(store, id, ...rest);
}

/** Removes all messages from the outbox, and returns them. */
export async function take(store: JobStore<Report>, waitMs = 0): Promise<readonly OutboxEntry[]> {
  const entries = await store.outbox.read({ waitMs });
  await store.outbox.ack(entries.map(({ entryId }) => entryId));
  return entries;
}

/** Waits for a message of the outbox, and removes it. */
export async function takeOne(store: JobStore<Report>): Promise<OutboxEntry> {
  const entries = await take(store, PATIENCE.timeout);
  expect(entries).toHaveLength(1);
  return entries[0] as OutboxEntry;
}

/** Creates a job with a message for each queue. Returns the messages as consumers receive them. */
export async function createRequested(
  store: JobStore<Report>,
  id: string,
  ...queues: readonly string[]
): Promise<readonly Request[]> {
  const outbox = queues.map((queue) => ({ queue, payload: { id } }));
  await store.create({ title: "One" }, { id, outbox });
  const entries = await take(store);
  expect(entries).toHaveLength(queues.length);
  return entries.map(received);
}

/** Waits until the job has no lease, without a reader of the outbox. */
export function leaseOver(store: JobStore<Report>, id: string): Promise<void> {
  return vi.waitFor(async () => {
    await store.renewLeases([], MINUTE);
    expect((await store.get(id))?.leasedUntil).toBeNull();
  }, PATIENCE);
}

/** Expects a lease that ends `leaseMs` after the job's last change. */
export function expectLease(job: Job<Report>, leaseMs: number): void {
  const ms = Number(job.leasedUntil) - job.statusAt.getTime();
  expect(ms).toBeGreaterThanOrEqual(leaseMs);
  expect(ms).toBeLessThan(leaseMs + 1000);
}
