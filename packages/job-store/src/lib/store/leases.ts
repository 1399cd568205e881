import {
  checkHeaders,
  checkId,
  checkInteger,
  checkKeys,
  checkLease,
  checkMetadata,
  checkName,
  checkOptions,
  checkStatus,
  checkText,
  invalid,
  show,
} from "../arguments.js";
import type { ClaimOptions, ClaimResult, FailRequestOptions, FailRequestResult, RequestingMessage } from "../claims.js";
import type { JobDefinition } from "../definition.js";
import type { ClaimRequest, JobRecord, JobStorage, RequestMessage } from "../driver.js";
import { unreadable } from "../errors.js";
import type { Job } from "../job.js";
import { toJson } from "../json.js";
import { originText, readOrigin } from "../origin.js";
import { byteLength } from "../utf8.js";
import { encodeFailure } from "./codec.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { checkLimit, checkUnsharded } from "./key-limit.js";
import { CLAIM_OPTIONS, CLAIMED_MESSAGE_KEYS, FAIL_REQUEST_OPTIONS, REQUESTING_MESSAGE_KEYS } from "./option-keys.js";
import { snapshotTarget } from "./target.js";

/** Maximum size of the payload and headers of a claimed message, in bytes. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** Options of `claim` whose types do not depend on the definition. */
type AnyClaimOptions = Omit<ClaimOptions<JobDefinition>, "from"> & { readonly from: readonly string[] };
type AnyFailRequestOptions = Omit<FailRequestOptions<JobDefinition>, "from" | "working"> & {
  readonly from: readonly string[];
  readonly working: string;
};

/** Leases for any driver: checks arguments, and converts the replies of the storage. */
export class StoreLeases<D extends JobDefinition> {
  readonly #definition: D;
  readonly #storage: JobStorage;
  readonly #calls: InFlightCalls;
  readonly #decodeWritten: (record: JobRecord) => Job<D>;

  constructor(definition: D, storage: JobStorage, calls: InFlightCalls, decodeWritten: (record: JobRecord) => Job<D>) {
    this.#definition = definition;
    this.#storage = storage;
    this.#calls = calls;
    this.#decodeWritten = decodeWritten;
  }

  async claim(jobId: string, to: string, options: AnyClaimOptions): Promise<ClaimResult<D>> {
    checkOptions(options, CLAIM_OPTIONS, "claim");
    const id = checkId(jobId);
    const { message, ifVersion, limit } = options;
    const metadata = checkMetadata(options);
    const request = {
      id,
      to: checkWorking(this.#definition, to),
      from: checkFrom(this.#definition, options.from, to),
      leaseMs: checkLease(options.leaseMs, 1),
      key: metadata.key ?? invalid("`claim` requires a `key` of its own."),
      message: this.#toClaimedMessage(message, id),
      ifVersion: ifVersion === undefined ? undefined : checkInteger(ifVersion, "ifVersion", 1, Number.MAX_SAFE_INTEGER),
      limit: limit === undefined ? undefined : checkLimit(this.#definition, limit),
      metadata,
    };
    if (request.limit !== undefined) checkUnsharded(this.#storage);
    const reply = await this.#calls.run(() => this.#storage.claim(request));
    switch (reply.kind) {
      case "claimed": {
        const { record, failedAttempts, expiredLeases } = reply;
        const { version, attempt } = record;
        const origin = originText(
          { definition: this.#definition.name, queue: request.message.queue, jobId: id },
          { createdAt: record.createdAt.getTime(), attempt, version, dueAt: 0 },
        );
        try {
          return { kind: "claimed", job: this.#decodeWritten(record), failedAttempts, expiredLeases, origin };
        } catch (error) {
          await this.#endClaim(record);
          throw error;
        }
      }
      case "unreadable":
        throw unreadable(id, reply.reason);
      case "paused": {
        const { until, reason } = reply;
        return { kind: "paused", until: until === null ? null : new Date(until), reason };
      }
      default:
        return { kind: reply.kind };
    }
  }

  /**
   * Ends the claim of a job that does not match the schema, and drops its message. Otherwise the storage would send the message each
   * time the lease ends, and no claim would succeed.
   */
  async #endClaim({ id, version, createdAt, status }: JobRecord): Promise<void> {
    const target = { id, version, createdAt: createdAt.getTime(), status };
    const metadata = { note: "The claim was ended, because the record does not match the schema." };
    await this.#calls.run(() => this.#storage.updateStatus({ target, to: status, metadata, outbox: [] }));
  }

  async failRequest(jobId: string, to: string, options: AnyFailRequestOptions): Promise<FailRequestResult<D>> {
    checkOptions(options, FAIL_REQUEST_OPTIONS, "failRequest");
    const id = checkId(jobId);
    const working = checkWorking(this.#definition, options.working);
    const next = this.#definition.statuses[working]?.next ?? [];
    if (!next.includes(checkStatus(this.#definition, to)) || to === working) {
      invalid(
        `\`failRequest\` cannot move a job to ${show(to)}: it must follow ${show(working)}, and be another status.`,
      );
    }
    checkMessage(options.message, REQUESTING_MESSAGE_KEYS);
    const request = {
      id,
      to,
      from: checkFrom(this.#definition, options.from, working),
      working,
      message: this.#toMessage(options.message, id),
      error: encodeFailure(options.error, { jobId: id }),
      metadata: checkMetadata({ by: options.by, note: options.note }),
    };
    const reply = await this.#calls.run(() => this.#storage.failRequest(request));
    switch (reply.kind) {
      case "failed":
        return { kind: "failed", job: this.#decodeWritten(reply.record) };
      case "unreadable":
        throw unreadable(id, reply.reason);
      default:
        return { kind: reply.kind };
    }
  }

  async renewLeases(jobs: readonly Job<D>[], leaseMs: number): Promise<readonly boolean[]> {
    if (!Array.isArray(jobs)) return invalid("`renewLeases` requires an array of jobs.");
    const targets = jobs.map((job: Job<D>) => snapshotTarget(job));
    const duration = checkLease(leaseMs, 0);
    return this.#calls.run(() => this.#storage.renewLeases(targets, duration));
  }

  #toClaimedMessage(message: AnyClaimOptions["message"], jobId: string): ClaimRequest["message"] {
    checkMessage(message, CLAIMED_MESSAGE_KEYS);
    const payload = toJson(message.payload, "message.payload", { jobId });
    const headers = checkHeaders(message.headers, "message.headers");
    const text = payload + JSON.stringify(headers);
    // A UTF-16 code unit has at most 3 bytes in UTF-8, so most messages need not be measured.
    const bytes = text.length * 3 > MAX_MESSAGE_BYTES ? byteLength(text) : 0;
    if (bytes > MAX_MESSAGE_BYTES) {
      invalid(
        `\`message\` is too large: ${bytes} bytes, limit ${MAX_MESSAGE_BYTES}. Store large content in another place, and its address in the payload.`,
      );
    }
    return { ...this.#toMessage(message, jobId), payload, headers };
  }

  #toMessage({ queue, id, origin }: RequestingMessage, jobId: string): RequestMessage {
    return {
      queue: checkName(queue, "message.queue"),
      id: checkName(id, "message.id"),
      origin: readOrigin(checkText(origin, "message.origin"), { definition: this.#definition.name, jobId }),
    };
  }
}

function checkMessage(message: object, keys: Readonly<Record<string, true>>): void {
  if (typeof message !== "object" || message === null) invalid("`message` must be an object.");
  checkKeys(message, keys, "message");
}

/** Checks that jobs can have a lease in this status: it is not final, and a job can enter it again. */
function checkWorking(definition: JobDefinition, status: unknown): string {
  const known = checkStatus(definition, status);
  const rule = definition.statuses[known];
  if (rule?.final === true || rule?.next.includes(known) !== true) {
    return invalid(
      `A job of type "${definition.name}" cannot have a lease in status ${show(known)}: such a status must not be final, and must list itself in its \`next\`.`,
    );
  }
  return known;
}

/**
 * Checks that a change with `leaseMs` keeps the status, as far as the caller's job shows it. The storage checks the stored job.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function checkStaysWorking<D extends JobDefinition>(definition: D, job: string | Job<D>, to: string): void {
  checkWorking(definition, to);
  if (typeof job === "object" && job.status !== to) {
    invalid(`\`leaseMs\` requires a change to the same status (got ${show(to)}, the job is in ${show(job.status)}).`);
  }
}

/** Checks the statuses in which a job can be claimed. */
function checkFrom(definition: JobDefinition, from: readonly string[], working: string): readonly string[] {
  if (!Array.isArray(from)) return invalid("`from` must be an array of statuses.");
  return from.map((status) => {
    const known = checkStatus(definition, status);
    const rule = definition.statuses[known];
    if (rule?.final === true || rule?.next.includes(working) !== true) {
      return invalid(
        `\`from\` contains ${show(known)}, but it must contain statuses that are not final and lead to ${show(working)}.`,
      );
    }
    return known;
  });
}
