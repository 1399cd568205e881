import type { StorageHealth } from "../driver.js";
import type { Client } from "./connection.js";
import { NOTHING_SEEN, serverState } from "./health-details.js";
import { foreignKeys, missing } from "./permission-check.js";
import { type Findings, tryEverything } from "./probe.js";
import { explain, reasonOf, replyCode } from "./redis-errors.js";
import { countRejected, oldestWait } from "./redis-outbox.js";
import type { RedisSession } from "./session.js";

type Answer<T> = { readonly value: T } | { readonly error: unknown };

/**
 * How the server is: whether it answers, whether it can be read, whether it takes writes; and what in its settings may
 * lose jobs. PING tells none of this: it says OK to a server that is full or read-only, and fails on one that reads well.
 * So what the store does is tried. And where a call would wait for a server to be ready, health says that it is not.
 */
export async function checkHealth(session: RedisSession, timeoutMs: number): Promise<StorageHealth> {
  const { connection, executor, keys, replicas } = session;
  const end = performance.now() + timeoutMs;
  const ask = <T>(command: (client: Client) => Promise<T>) =>
    answerOf(executor.query(command, { end, retries: false }));
  let latencyMs: number | null = null;
  const [read, tried, replicated, state, rejected, waited] = await Promise.all([
    ask(async (client) => {
      const begun = performance.now();
      await client.mget(keys.job("*")).finally(() => {
        latencyMs = Math.round((performance.now() - begun) * 100) / 100;
      });
    }),
    ask((client) => tryEverything(client, keys)),
    ask(async (client) => replicas?.check(client)),
    ask(serverState),
    ask((client) => countRejected(client, keys)),
    ask((client) => oldestWait(client, keys)),
  ]);
  const reachable = "value" in read || replyCode(read.error) !== null;
  const readable = "value" in read;
  const lacking = "value" in tried ? missing(tried.value) : null;
  const fault = reachable
    ? (lacking ?? readFault(read) ?? writeFault(tried) ?? waitFault(replicated))
    : `Redis cannot be reached: ${connection.isOpen ? `it has not answered within ${Math.round(timeoutMs)} ms` : connection.lastError}`;
  const { details, warnings } = "value" in state ? state.value : NOTHING_SEEN;
  return {
    status: fault === null ? "healthy" : readable ? "degraded" : "unhealthy",
    latencyMs: reachable ? latencyMs : null,
    details: { reachable, readable, writable: fault === null, ...details },
    warnings,
    rejected: "value" in rejected ? rejected.value : null,
    oldestWaitMs: "value" in waited ? waited.value : null,
    ...(fault !== null && { error: fault }),
  };
}

async function answerOf<T>(promise: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

function readFault(read: Answer<unknown>): string | null {
  return "value" in read ? null : `Redis answers but cannot be read: ${explain(reasonOf(read.error))}`;
}

function waitFault(replicated: Answer<unknown>): string | null {
  return "value" in replicated ? null : `waitReplicas cannot wait for replicas: ${reasonOf(replicated.error)}`;
}

function writeFault(tried: Answer<Findings>): string | null {
  const foreign = "value" in tried ? foreignKeys(tried.value) : null;
  if (foreign !== null) return foreign;
  const refusal = "value" in tried ? tried.value.refusal : explain(reasonOf(tried.error));
  return refusal === null ? null : `Redis can be read but takes no writes: ${refusal}`;
}
