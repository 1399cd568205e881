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
  StoreConfig,
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
  readonly #sends: StoreConfig["sends"];
  readonly #onClose: () => void;

  constructor(
    storage: JobStorage,
    telemetry: Telemetry,
    { config, onClose }: { readonly config: StoreConfig; readonly onClose: () => void },
  ) {
    this.outbox = storage.outbox;
    this.logs = storage.logs;
    this.#storage = storage;
    this.#telemetry = telemetry;
    this.#finalStatuses = new Set(config.finalStatuses);
    this.#sends = config.sends;
    this.#onClose = onClose;
  }

  create(job: NewJob): Promise<CreateReply> {
    const { id, status } = job;
    return this.#telemetry.observe("create", { [ID]: id, [STATUS]: status }, () =>
      this.#storage.create({ ...job, outbox: traced(job.outbox), ...this.#sendHeaders(status) }),
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
      const sendHeaders = this.#sendHeaders(update.to);
      const reply = await this.#storage.updateStatus({ ...update, outbox: traced(update.outbox), ...sendHeaders });
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

  /** Returns the current trace context for the messages of a status, if the status sends any. */
  #sendHeaders(status: string): Pick<NewJob, "sendHeaders"> {
    return this.#sends.has(status) ? { sendHeaders: withContext({}) } : {};
  }
}

const ID = "subtitles.job.id";
const STATUS = "subtitles.job.status";

/** Adds the current trace context to messages that have none. */
function traced(messages: readonly OutgoingMessage[]): readonly OutgoingMessage[] {
  return messages.map((message) => {
    if (message.headers.traceparent !== undefined) return message;
    return { ...message, headers: withContext(message.headers) };
  });
}

/** Returns the headers with the current trace context. */
function withContext(given: OutgoingMessage["headers"]): OutgoingMessage["headers"] {
  const headers: Record<string, string> = { ...given };
  propagation.inject(context.active(), headers);
  return headers;
}
