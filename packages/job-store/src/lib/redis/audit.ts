import type { AuditOptions, Fields, JobRecord, Reading, StoreShape } from "../driver.js";
import { EMPTY_REPORT } from "../reports.js";
import type { AuditReport } from "../types.js";
import type { IndexMetadata } from "./index-metadata.js";
import { storeKeys } from "./keys.js";
import { PermissionCheck } from "./permission-check.js";
import type { ReadBatcher } from "./read-batcher.js";
import { fieldLines } from "./record-text.js";
import { type Script, scripts } from "./scripts.js";
import type { RedisSession, Reply } from "./session.js";
import { walkEntries, walkJobs } from "./walk.js";

/** How often jobs are read anew that are written between reading and looking. */
const MOST_LOOKS = 4;

/** Leaves a job's fields as they are. */
const KEEP = "=";

interface Found {
  jobs: number;
  unreadable: number;
  repaired: number;
  readonly misplaced: string[];
}

/** Reply of lua/audit-jobs.lua. */
type AuditReply = readonly [
  what: string,
  mended: number,
  foreign: number,
  misplaced: string[],
  again: string[],
  unreached: string[],
];

/** An audit of one server's jobs, or one shard's. Its steps take the server a millisecond or two each. */
export class RedisAudit {
  readonly #session: RedisSession;
  readonly #reader: ReadBatcher;
  readonly #shape: StoreShape;
  readonly #options: AuditOptions;

  constructor(session: RedisSession, reader: ReadBatcher, shape: StoreShape, options: AuditOptions) {
    this.#session = session;
    this.#reader = reader;
    this.#shape = shape;
    this.#options = options;
  }

  /** Jobs first: what is stale in an index shows once every job stands where it belongs. */
  async *steps(): AsyncGenerator<AuditReport, void, undefined> {
    const { connection, executor, keys } = this.#session;
    const permissions = new PermissionCheck(executor, connection, keys, "audit");
    const end = executor.defaultEnd();
    const fields = await this.#session.read(async ({ metadata }) => metadata.fields, { end });
    await permissions.check({ end, indeterminate: false });
    for await (const ids of walkJobs(this.#session)) yield this.#jobs(ids);
    for (const index of ["statuses", "creations", "values"] as const) {
      if (index === "values" && fields.length === 0) return;
      for await (const ids of walkEntries(this.#session, index)) yield this.#entries(index, ids);
    }
    for await (const members of walkEntries(this.#session, "fields")) yield this.#members(members);
  }

  async #jobs(ids: readonly string[]): Promise<AuditReport> {
    const { misplaced, ...found } = await this.#look(ids);
    return { ...EMPTY_REPORT, ...found, missingFromIndex: misplaced.length };
  }

  async #look(ids: readonly string[]) {
    const found: Found = { jobs: 0, unreadable: 0, repaired: 0, misplaced: [] };
    for (let rest = ids; rest.length > 0; ) {
      // As many as fit into one reply, and into one script.
      const readings = await this.#reader.readSome(rest);
      await this.#lookAt(readings, found);
      rest = rest.slice(readings.length);
    }
    return found;
  }

  async #lookAt(first: readonly Reading[], found: Found): Promise<void> {
    const looks = new Map<string, number>();
    let read = await this.#judge(first);
    found.jobs += read.jobs;
    found.unreadable += read.unreadable;
    for (;;) {
      if (read.records.length === 0) return;
      // A job that is written all the time has what its writer gave it.
      const args = read.records.flatMap((record) => argsOf(record, looks.get(record.id) === MOST_LOOKS - 1));
      const recordIds = read.records.map(({ id }) => id);
      const reply = await this.#run(scripts.auditJobs, recordIds, (metadata) => [
        statusesOf(metadata),
        this.#shape.fields.join("\n"),
        ...args,
      ]);
      const [, mended, foreign, misplaced, again, unreached] = reply as AuditReply;
      found.repaired += mended;
      found.unreadable += foreign;
      found.misplaced.push(...misplaced);
      for (const id of again) looks.set(id, (looks.get(id) ?? 0) + 1);
      read = await this.#judge(await this.#reader.readJobs([...again, ...unreached]));
    }
  }

  async #judge(readings: readonly Reading[]) {
    const records = readings.flatMap((reading) => (reading.kind === "record" ? [reading.record] : []));
    if (this.#options.repair) await this.#addCodes(records);
    const fields = records.map((record) => this.#options.fieldsOf(record));
    return {
      jobs: readings.filter(({ kind }) => kind !== "absent").length,
      unreadable:
        readings.filter(({ kind }) => kind === "unreadable").length + fields.filter((each) => each === null).length,
      records: records.map((record, n) => ({ ...record, fields: fields[n] ?? null })),
    };
  }

  /** Jobs that were restored from elsewhere may have had TTLs that no service here has. */
  async #addCodes(records: readonly JobRecord[]): Promise<void> {
    const codes = await this.#session.read(async ({ metadata }) => metadata.codes);
    const known = new Set(codes.map(({ status, ttlMs }) => `${ttlMs} ${status}`));
    const statuses = new Set(codes.map(({ status }) => status));
    const missing = records
      .map(({ status, statusAt, expiresAt }) => ({
        status,
        ttlMs: expiresAt === null ? 0 : expiresAt.getTime() - statusAt.getTime(),
      }))
      .filter(({ status, ttlMs }) => statuses.has(status) && !known.has(`${ttlMs} ${status}`));
    if (missing.length > 0) await this.#session.addCodes(missing);
  }

  async #entries(index: "statuses" | "creations" | "values", ids: readonly string[]): Promise<AuditReport> {
    const reply = await this.#run(scripts.auditEntries, ids, ({ codes }) => [
      index,
      codes.map(({ ttlMs }) => ttlMs).join(" "),
      ...ids,
    ]);
    return staleIn(reply);
  }

  /** A job that was out of place was counted as that, and what the index of fields has of it comes from there. */
  async #members(members: readonly string[]): Promise<AuditReport> {
    const ids = members.map(idIn);
    const args = members.flatMap((member, n) => [member, ids[n] ?? ""]);
    const reply = await this.#run(scripts.auditMembers, ids, () => args);
    const strays = reply.slice(3).map(String);
    const misplaced = new Set((await this.#look([...new Set(strays)])).misplaced);
    const found = staleIn(reply);
    return { ...found, staleInIndex: found.staleInIndex + strays.filter((id) => !misplaced.has(id)).length };
  }

  async #run(
    script: Script,
    ids: readonly string[],
    argsOf: (metadata: IndexMetadata) => readonly (string | number)[],
  ): Promise<Reply> {
    const touched = [...storeKeys(this.#session.keys), ...ids.map(this.#session.keys.job)];
    const reply = await this.#session.write(({ metadata, evaluate }) =>
      evaluate(script, touched, [metadata.edition, this.#options.repair ? 1 : 0, ...argsOf(metadata)]),
    );
    this.#session.confirmMetadata();
    return reply;
  }
}

function argsOf(
  { id, version, createdAt, fields }: JobRecord & { readonly fields: Fields | null },
  last: boolean,
): readonly (string | number)[] {
  if (last) return [id, "", "", KEEP];
  return [id, version, createdAt.getTime(), fields === null ? KEEP : fieldLines(fields)];
}

function staleIn(reply: Reply): AuditReport {
  return { ...EMPTY_REPORT, staleInIndex: Number(reply[1]), repaired: Number(reply[2]) };
}

/** Returns the TTL and the status of each code, one per line. */
function statusesOf({ codes }: IndexMetadata): string {
  return codes.map(({ status, ttlMs }) => `${ttlMs} ${JSON.stringify(status)}`).join("\n");
}

/** The job of a member of the index of fields: what follows the value, and a time; "" where it has none. */
function idIn(member: string): string {
  return /"(?::\d{17}|\*\d{13})([A-Za-z0-9._-]{1,128})$/.exec(member)?.[1] ?? "";
}
