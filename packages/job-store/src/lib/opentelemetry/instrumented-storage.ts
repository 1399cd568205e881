import { type Attributes, context, propagation, type Span } from "@opentelemetry/api";
import type {
  AuditOptions,
  ClaimReply,
  ClaimRequest,
  CreateReply,
  DeleteReply,
  EventLog,
  Examination,
  FailRequest,
  FailRequestReply,
  FullJob,
  IndexValues,
  JobRequest,
  JobStorage,
  ListRequest,
  ListResult,
  NewJob,
  OutboxStorage,
  OutgoingMessage,
  PauseRequest,
  QueuePause,
  ReadResult,
  RequestReply,
  SaveReply,
  StatusUpdate,
  StoreConfig,
  StoredActivity,
  Target,
  UpdateProgressReply,
  UpdateStatusReply,
  WorkerRecord,
} from "../driver.js";
import type { AuditReport } from "../types.js";
import { QUEUE, type Telemetry } from "./telemetry.js";

/**
 * Storage that records the calls of another storage. It adds the current trace context to outbox messages that have none. Reads of
 * the outbox and of the event log mostly wait, an audit is long, and leases are renewed all the time, so these are not recorded.
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

  request(request: JobRequest): Promise<RequestReply> {
    const { id, status, outbox } = request;
    return this.#telemetry.observe("request", { [ID]: id, [STATUS]: status }, async (span) => {
      const reply = await this.#storage.request({ ...request, outbox: traced(outbox), ...this.#sendHeaders(status) });
      if (reply.kind === "retried") this.#telemetry.recordStatusChange(reply.record, this.#finalStatuses);
      span.setAttribute("subtitles.job.moved", reply.kind === "retried");
      return reply;
    });
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
      // The metrics need the record.
      const traceable = { ...update, outbox: traced(update.outbox), ...sendHeaders, withoutRecord: false };
      const reply = await this.#storage.updateStatus(traceable);
      if (reply.kind === "updated") this.#telemetry.recordStatusChange(reply.record, this.#finalStatuses);
      // A duplicate delivery writes nothing.
      span.setAttribute("subtitles.job.moved", reply.kind === "updated");
      return reply;
    });
  }

  claim(request: ClaimRequest): Promise<ClaimReply> {
    const { id, to } = request;
    return this.#observeAnswer("claim", { [ID]: id, [STATUS]: to }, async (span) => {
      const reply = await this.#storage.claim({ ...request, ...this.#sendHeaders(to) });
      if (reply.kind === "claimed") this.#telemetry.recordStatusChange(reply.record, this.#finalStatuses);
      span.setAttribute("subtitles.job.moved", reply.kind === "claimed");
      return reply;
    });
  }

  failRequest(request: FailRequest): Promise<FailRequestReply> {
    const { id, to } = request;
    return this.#observeAnswer("failRequest", { [ID]: id, [STATUS]: to }, async (span) => {
      const reply = await this.#storage.failRequest({ ...request, ...this.#sendHeaders(to) });
      if (reply.kind === "failed") this.#telemetry.recordStatusChange(reply.record, this.#finalStatuses);
      span.setAttribute("subtitles.job.moved", reply.kind === "failed");
      return reply;
    });
  }

  renewLeases(targets: readonly Target[], leaseMs: number): Promise<readonly boolean[]> {
    return this.#storage.renewLeases(targets, leaseMs);
  }

  examine(id: string): Promise<Examination> {
    return this.#storage.examine(id);
  }

  announceWorker(
    worker: WorkerRecord,
    targets: readonly Target[],
    leaseMs: number,
  ): ReturnType<JobStorage["announceWorker"]> {
    return this.#storage.announceWorker(worker, targets, leaseMs);
  }

  workers(withRunning: boolean): ReturnType<JobStorage["workers"]> {
    return this.#storage.workers(withRunning);
  }

  pauseQueue(request: PauseRequest): Promise<void> {
    return this.#telemetry.observe("pauseQueue", { [QUEUE]: request.queue }, () => this.#storage.pauseQueue(request));
  }

  resumeQueue(queue: string): Promise<boolean> {
    return this.#telemetry.observe("resumeQueue", { [QUEUE]: queue }, () => this.#storage.resumeQueue(queue));
  }

  pauses(): Promise<readonly QueuePause[]> {
    return this.#storage.pauses();
  }

  findOverdue(owner: string): ReturnType<JobStorage["findOverdue"]> {
    return this.#storage.findOverdue(owner);
  }

  updateProgress(target: Target, progress: string): Promise<UpdateProgressReply> {
    return this.#telemetry.observe("updateProgress", { [ID]: target.id }, () =>
      this.#storage.updateProgress(target, progress),
    );
  }

  delete(target: Target): Promise<DeleteReply> {
    return this.#observeAnswer("delete", { [ID]: target.id }, () => this.#storage.delete(target));
  }

  list(request: ListRequest): Promise<ListResult> {
    return this.#telemetry.observe("list", {}, () => this.#storage.list(request));
  }

  counts(where: ListRequest["where"]): Promise<ReadonlyMap<string, number>> {
    return this.#telemetry.observe("counts", {}, () => this.#storage.counts(where));
  }

  activity(lateMs: number): Promise<StoredActivity> {
    return this.#telemetry.observe("activity", {}, () => this.#storage.activity(lateMs));
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

  /** Records a call that answers if the job is missing, so the span is then not an error. */
  async #observeAnswer<R extends { readonly kind: string }>(
    operation: string,
    attributes: Attributes,
    call: (span: Span) => Promise<R>,
  ): Promise<R> {
    let reply: R | undefined;
    await this.#telemetry.observe(operation, attributes, async (span) => {
      reply = await call(span);
      return reply.kind === "missing" ? null : reply;
    });
    return reply as R;
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
