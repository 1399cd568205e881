import { context, propagation } from "@opentelemetry/api";
import type {
  AuditOptions,
  CreateReply,
  DeleteReply,
  EventLog,
  FullJob,
  IndexValues,
  JobStorage,
  ListRequest,
  ListResult,
  NewJob,
  OutboxStorage,
  OutgoingMessage,
  ReadResult,
  SaveReply,
  StatusUpdate,
  Target,
  UpdateProgressReply,
  UpdateStatusReply,
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

  create(job: NewJob): Promise<CreateReply> {
    const { id, status } = job;
    return this.#telemetry.observe("create", { [ID]: id, [STATUS]: status }, () =>
      this.#storage.create({ ...job, outbox: traced(job.outbox) }),
    );
  }

  save(job: FullJob): Promise<SaveReply> {
    const { id, status } = job;
    return this.#telemetry.observe("save", { [ID]: id, [STATUS]: status }, () => this.#storage.save(job));
  }

  read(ids: readonly string[]): Promise<readonly ReadResult[]> {
    const attributes = ids.length === 1 ? { [ID]: ids[0] } : { "db.operation.batch.size": ids.length };
    return this.#telemetry.observe("get", attributes, () => this.#storage.read(ids));
  }

  readIndexValues(ids: readonly string[]): Promise<readonly IndexValues[]> {
    return this.#storage.readIndexValues(ids);
  }

  updateStatus(update: StatusUpdate): Promise<UpdateStatusReply> {
    const attributes = { [ID]: update.target.id, [STATUS]: update.to };
    return this.#telemetry.observe("updateStatus", attributes, async (span) => {
      const reply = await this.#storage.updateStatus({ ...update, outbox: traced(update.outbox) });
      if (reply.kind === "updated") this.#telemetry.recordStatusChange(reply.record, this.#finalStatuses);
      // A duplicate delivery writes nothing.
      span.setAttribute("subtitles.job.moved", reply.kind === "updated");
      return reply;
    });
  }

  updateProgress(target: Target, progress: string): Promise<UpdateProgressReply> {
    return this.#telemetry.observe("updateProgress", { [ID]: target.id }, () =>
      this.#storage.updateProgress(target, progress),
    );
  }

  async delete(target: Target): Promise<DeleteReply> {
    let reply: DeleteReply | undefined;
    await this.#telemetry.observe("delete", { [ID]: target.id }, async () => {
      reply = await this.#storage.delete(target);
      // `delete` then returns false, so the span is not an error.
      return reply.kind === "missing" ? null : reply;
    });
    return reply as DeleteReply;
  }

  list(request: ListRequest): Promise<ListResult> {
    return this.#telemetry.observe("list", {}, () => this.#storage.list(request));
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
