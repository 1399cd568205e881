import { context, propagation } from "@opentelemetry/api";
import type {
  AuditOptions,
  EventLog,
  Fields,
  InsertReply,
  JobStorage,
  Listing,
  Move,
  MoveReply,
  NewJob,
  OutboxStorage,
  OutgoingMessage,
  ProgressReply,
  Range,
  Reading,
  RemoveReply,
  ReplaceReply,
  Target,
  WholeJob,
} from "../driver.js";
import type { AuditReport } from "../types.js";
import type { Telemetry } from "./telemetry.js";

/**
 * Storage that records the calls of another storage. It adds the current trace context to outbox messages that have none. Reads of
 * the outbox and of the event log mostly wait, and an audit is long, so these are not recorded.
 */
export class InstrumentedStorage implements JobStorage {
  readonly outbox: OutboxStorage;
  readonly logs: readonly EventLog[];
  readonly #storage: JobStorage;
  readonly #telemetry: Telemetry;
  readonly #finalStatuses: ReadonlySet<string>;
  readonly #onClose: () => void;

  constructor(
    storage: JobStorage,
    telemetry: Telemetry,
    { finalStatuses, onClose }: { readonly finalStatuses: readonly string[]; readonly onClose: () => void },
  ) {
    this.outbox = storage.outbox;
    this.logs = storage.logs;
    this.#storage = storage;
    this.#telemetry = telemetry;
    this.#finalStatuses = new Set(finalStatuses);
    this.#onClose = onClose;
  }

  insert(job: NewJob): Promise<InsertReply> {
    const { id, status } = job;
    return this.#telemetry.observe("create", { [ID]: id, [STATUS]: status }, () =>
      this.#storage.insert({ ...job, outbox: traced(job.outbox) }),
    );
  }

  replace(job: WholeJob): Promise<ReplaceReply> {
    const { id, status } = job;
    return this.#telemetry.observe("save", { [ID]: id, [STATUS]: status }, () => this.#storage.replace(job));
  }

  read(ids: readonly string[]): Promise<readonly Reading[]> {
    const attributes = ids.length === 1 ? { [ID]: ids[0] } : { "db.operation.batch.size": ids.length };
    return this.#telemetry.observe("get", attributes, () => this.#storage.read(ids));
  }

  readIndexValues(ids: readonly string[]): Promise<readonly Fields[]> {
    return this.#storage.readIndexValues(ids);
  }

  move(move: Move): Promise<MoveReply> {
    const attributes = { [ID]: move.target.id, [STATUS]: move.to };
    return this.#telemetry.observe("updateStatus", attributes, async (span) => {
      const reply = await this.#storage.move({ ...move, outbox: traced(move.outbox) });
      if (reply.kind === "moved") this.#telemetry.recordStatusChange(reply.record, this.#finalStatuses);
      // A duplicate delivery writes nothing.
      span.setAttribute("subtitles.job.moved", reply.kind === "moved");
      return reply;
    });
  }

  recordProgress(target: Target, progress: string): Promise<ProgressReply> {
    return this.#telemetry.observe("updateProgress", { [ID]: target.id }, () =>
      this.#storage.recordProgress(target, progress),
    );
  }

  async remove(target: Target): Promise<RemoveReply> {
    let reply: RemoveReply | undefined;
    await this.#telemetry.observe("delete", { [ID]: target.id }, async () => {
      reply = await this.#storage.remove(target);
      // `delete` then returns false, so the span is not an error.
      return reply.kind === "missing" ? null : reply;
    });
    return reply as RemoveReply;
  }

  list(range: Range): Promise<Listing> {
    return this.#telemetry.observe("list", {}, () => this.#storage.list(range));
  }

  counts(): Promise<ReadonlyMap<string, number>> {
    return this.#telemetry.observe("counts", {}, () => this.#storage.counts());
  }

  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    return this.#storage.audit(options);
  }

  logOf(id: string): number {
    return this.#storage.logOf(id);
  }

  health(timeoutMs: number): ReturnType<JobStorage["health"]> {
    return this.#storage.health(timeoutMs);
  }

  close(): Promise<void> {
    this.#onClose();
    return this.#storage.close();
  }
}

const ID = "subtitles.job.id";
const STATUS = "subtitles.job.status";

/** Adds the current trace context to messages that have none. */
function traced(messages: readonly OutgoingMessage[]): readonly OutgoingMessage[] {
  return messages.map((message) => {
    if (message.headers.traceparent !== undefined) return message;
    const headers: Record<string, string> = { ...message.headers };
    propagation.inject(context.active(), headers);
    return { ...message, headers };
  });
}
