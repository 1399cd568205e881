import { $ZodUnknown } from "zod/v4/core";
import { checkOptions, invalid, type KeysOf, show } from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import type { IndexValues, JobStorage, JobStoreDriver, StoreConfig, StoreMetadata } from "../driver.js";
import { JobStoreError } from "../errors.js";
import type { StoreEvent } from "../events.js";
import type { Job } from "../job.js";
import type { JobStore } from "../types.js";
import { lifecycleConfig, MAX_RECORD_BYTES, type RecordedLifecycle, readDescription } from "./create-job-store.js";
import { StoreEvents } from "./events.js";
import { checkValues, type IndexReader } from "./index-values.js";
import { DefaultJobStore } from "./job-store.js";

/** Options of `openRecordedStore`. */
export interface RecordedStoreOptions {
  /**
   * Status changes that the store allows: those of the recorded lifecycle, or any change between recorded statuses.
   * @default "recorded"
   */
  readonly transitions?: "recorded" | "any" | undefined;
  /** Receives events for logs. See `createJobStore`. */
  readonly onEvent?: ((event: StoreEvent) => void) | undefined;
}

/** Store whose definition is known only from the stored metadata. */
export interface RecordedStore extends AsyncDisposable {
  /**
   * Store of all jobs. Its definition has the recorded name, statuses, TTLs and index fields, and accepts any
   * data. Reads are not validated. It enforces no `maxCount`, which the services do at their next change, and no timeouts. Its
   * changes send the recorded messages of the status.
   */
  readonly store: JobStore<JobDefinition>;
  /** Storage of `store`, for calls that only drivers have. */
  readonly storage: JobStorage;
  /** Index fields that jobs can be found by. */
  readonly fields: readonly string[];
  /** Recorded lifecycle. null: none is recorded, or only by a newer version of this package. */
  readonly lifecycle: RecordedLifecycle | null;
  /**
   * Saves a job together with its index values. `store.save` saves a job without index values.
   *
   * @param values Index values by field. Fields that are not recorded are ignored.
   * @throws the errors of `JobStore.save`
   */
  save(job: Job<JobDefinition>, values: Readonly<Record<string, string>>): Promise<Job<JobDefinition>>;
}

const RECORDED_OPTIONS: KeysOf<RecordedStoreOptions> = { transitions: true, onEvent: true };

/** History limit for changes by this store. The limit of the services is not recorded. */
const HISTORY_LIMIT = 10_000;

/**
 * Opens a store from its stored metadata, without its definition, for tools. The store does not change this metadata. A definition that a
 * service records later has no effect on it.
 *
 * @returns null if no store has used this storage yet
 * @throws JobStoreError INVALID_ARGUMENT, NEWER_FORMAT, UNAVAILABLE
 */
export async function openRecordedStore(
  driver: JobStoreDriver,
  options: RecordedStoreOptions = {},
): Promise<RecordedStore | null> {
  const { transitions = "recorded", onEvent } = checkOptions(options, RECORDED_OPTIONS, "openRecordedStore");
  if (transitions !== "recorded" && transitions !== "any") {
    return invalid(`\`transitions\` must be "recorded" or "any" (got ${show(transitions)}).`);
  }
  if (typeof driver?.readMetadata !== "function") {
    return invalid("`openRecordedStore` requires a driver: redisDriver(…) or memoryDriver().");
  }
  const events = new StoreEvents(onEvent);
  const metadata = await driver.readMetadata();
  if (metadata === null) return null;
  const lifecycle = readDescription(metadata.description);
  const definition = definitionFrom(metadata, lifecycle, transitions === "any");
  const config = configFrom(definition, events.emit);
  const storage = driver.open(config);
  if (lifecycle === null && transitions === "recorded") rejectChanges(storage, metadata);
  const valuesOfJobs = new Map<string, IndexValues>();
  const index: IndexReader = {
    valuesOf: (_, jobId) => valuesOfJobs.get(jobId) ?? new Map(),
    // The functions that compute the values are not recorded, so the result of the index is used unchecked.
    matches: () => true,
  };
  const store = new DefaultJobStore(
    definition,
    config,
    { name: driver.name, open: () => storage },
    { validateReads: false, index, enforcesTimeouts: false },
  );
  return {
    store,
    storage,
    fields: metadata.fields,
    lifecycle,
    async save(job, values) {
      const known = (field: string) => (Object.hasOwn(values, field) ? values[field] : undefined);
      valuesOfJobs.set(job.id, checkValues(metadata.fields, known, job.id));
      try {
        return await store.save(job);
      } finally {
        valuesOfJobs.delete(job.id);
      }
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** Returns a definition that accepts every stored job. A status that the lifecycle has lost allows no transition. */
function definitionFrom(
  metadata: StoreMetadata,
  lifecycle: RecordedLifecycle | null,
  allowsAny: boolean,
): JobDefinition {
  const anything = new $ZodUnknown({ type: "unknown" });
  const statuses = [...metadata.statuses.keys()];
  const recorded = lifecycle?.statuses ?? {};
  const ruleOf = (status: string, ttlMs: number) => {
    const rule = Object.hasOwn(recorded, status) ? recorded[status] : undefined;
    return {
      next: allowsAny ? statuses : (rule?.next ?? []),
      final: rule?.final ?? false,
      ttlSeconds: (rule?.ttlMs ?? ttlMs) / 1000,
      ...(rule?.timeout != null && { timeoutSeconds: rule.timeout.ms / 1000, timeoutTo: rule.timeout.to }),
      sends: rule?.sends.map(({ queue, ifField }) => ({ queue, ...(ifField !== null && { ifField }) })) ?? [],
    };
  };
  return {
    name: metadata.definition,
    data: anything,
    result: anything,
    progress: anything,
    initial: lifecycle?.initial ?? statuses[0] ?? "",
    statuses: Object.fromEntries(Array.from(metadata.statuses, ([status, ttlMs]) => [status, ruleOf(status, ttlMs)])),
    index: Object.fromEntries(metadata.fields.map((field) => [field, () => undefined])),
  };
}

/**
 * Returns the configuration of the storage. It has no index fields, so that an audit keeps the stored values, and no
 * description, so that the recorded one stays.
 */
function configFrom(definition: JobDefinition, emit: StoreConfig["emit"]): StoreConfig {
  const rules = Object.entries(definition.statuses);
  return {
    ...lifecycleConfig(definition),
    fields: [],
    ttlMs: new Map(rules.map(([status, { ttlSeconds = 0 }]) => [status, Math.round(ttlSeconds * 1000)])),
    maxCount: new Map(),
    historyLimit: HISTORY_LIMIT,
    // The limit of the services is not recorded either.
    maxRecordBytes: MAX_RECORD_BYTES,
    description: null,
    emit,
  };
}

/** Rejects the changes that depend on the lifecycle: initial status, transitions and final statuses are unknown. */
function rejectChanges(storage: JobStorage, { definition, description }: StoreMetadata): void {
  const reason =
    description === null
      ? "no lifecycle is recorded. Start a service with this version of @subtitles/job-store once"
      : "a newer version of @subtitles/job-store recorded the lifecycle. Use that version";
  const reject = async (jobId: string): Promise<never> => {
    const message = `Job ${jobId} of "${definition}" cannot be created or changed: ${reason}.`;
    throw new JobStoreError("INVALID_ARGUMENT", message, { jobId });
  };
  storage.create = ({ id }) => reject(id);
  storage.request = ({ id }) => reject(id);
  storage.updateStatus = ({ target }) => reject(target.id);
  storage.claim = ({ id }) => reject(id);
  storage.failRequest = ({ id }) => reject(id);
  storage.updateProgress = ({ id }) => reject(id);
}
