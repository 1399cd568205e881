import { isId } from "../arguments.js";
import type { AuditOptions, StoreConfig } from "../driver.js";
import { EMPTY_REPORT } from "../store/reports.js";
import type { AuditReport } from "../types.js";
import {
  type Comparison,
  compare,
  type Finding,
  follows,
  type Member,
  memberSubject,
  NO_KEY,
  type Stored,
  type Subject,
} from "./audit-findings.js";
import { runPipeline, valuesOf } from "./connection.js";
import { codeOf, type IndexMetadata } from "./index-metadata.js";
import { asPattern, scoreOf, storeKeys } from "./keys.js";
import { PermissionCheck } from "./permissions.js";
import { type Script, scripts } from "./scripts.js";
import type { Attempt, RedisSession, Reply } from "./session.js";

/** Number of steps in flight. The server reads the next ones while the client compares one. */
const IN_FLIGHT = 4;

/** Number of jobs of a step times the number of index entries of each. Such a script takes the server a few milliseconds. */
const MAX_STEP_ENTRIES = 400;

/** Maximum number of comparisons of a job that is written between its comparison and its repair. */
const MAX_COMPARISONS = 4;

/** Reply of lua/maintenance/audit.lua. */
type AuditReply = readonly [
  result: string,
  now: string,
  texts: Texts,
  ttls: readonly number[],
  statusScores: Texts,
  creationScores: Texts,
  fields: Texts,
  complete: readonly number[],
  given: readonly number[],
  works: Texts,
];

type Texts = readonly (string | null)[];

type Counts = { -readonly [K in keyof AuditReport]: AuditReport[K] };

/** Audit of the jobs of one server, or of one shard. */
export class RedisAudit {
  readonly #session: RedisSession;
  readonly #config: StoreConfig;
  readonly #options: AuditOptions;
  readonly #permissions: PermissionCheck;

  constructor(session: RedisSession, config: StoreConfig, options: AuditOptions) {
    this.#session = session;
    this.#config = config;
    this.#options = options;
    this.#permissions = new PermissionCheck(session.executor, session.connection, session.keys, "audit");
  }

  /** Audits the jobs first. Once each job has its index entries, all other entries are stale. */
  async *steps(): AsyncGenerator<AuditReport, void, undefined> {
    const end = this.#session.executor.defaultEnd();
    const { fields } = await this.#session.read(async ({ metadata }) => metadata, { end });
    await this.#permissions.check({ end, indeterminate: false });
    const step = Math.ceil(MAX_STEP_ENTRIES / (fields.length + 1));
    yield* inFlight(scanJobIds(this.#session, step), (ids) =>
      this.#check(ids.map((id) => ({ scan: "jobs", id, member: null }))),
    );
    for (const index of ["statuses", "creations", "work", "values"] as const) {
      if (index === "values" && fields.length === 0) return;
      yield* inFlight(scanIndex(this.#session, step, index), (ids) => this.#checkEntries(index, ids));
    }
    yield* inFlight(scanIndex(this.#session, step, "fields"), (members) => this.#checkMembers(members));
  }

  async #checkEntries(
    scan: "statuses" | "creations" | "work" | "values",
    ids: readonly string[],
  ): Promise<AuditReport> {
    const keys = ids.map(this.#session.keys.job);
    if ((await this.#session.read(({ client }) => client.exists(keys))) === keys.length) return EMPTY_REPORT;
    const commands = keys.map((key) => ["exists", key] as const);
    const exist = valuesOf(await this.#session.read(({ client }) => runPipeline(client, commands)));
    const absent = ids.filter((_, n) => exist[n] === 0);
    return this.#check(absent.map((id) => ({ scan, id, member: null })));
  }

  /** Compares the jobs of members that do not match the other index entries of their jobs. */
  async #checkMembers(texts: readonly string[]): Promise<AuditReport> {
    const subjects = texts.map(memberSubject);
    const indexes = ["statuses", "creations"] as const;
    const misplaced = await Promise.all(indexes.map((index) => this.#misplacedAmong(subjects, index)));
    return this.#check([...misplaced.flat(), ...subjects.filter(({ member }) => member.index === null)]);
  }

  async #misplacedAmong<S extends Subject & { readonly member: Member }>(
    all: readonly S[],
    index: "statuses" | "creations",
  ): Promise<readonly S[]> {
    const subjects = all.filter(({ member }) => member.index === index);
    if (subjects.length === 0) return [];
    const { keys } = this.#session;
    const ids = subjects.map(({ id }) => id);
    const replies = await this.#session.read(({ client }) =>
      runPipeline(client, [
        ["hmget", keys.values, ...ids],
        ["zmscore", keys[index], ...ids],
      ]),
    );
    const [fields = [], scores = []] = valuesOf(replies) as Texts[];
    return subjects.filter(({ member }, n) => !follows(member, fields[n] ?? "", numberIn(scores[n])));
  }

  /** Compares jobs with their index entries and, with `repair`, corrects what is wrong. */
  async #check(subjects: readonly Subject[]): Promise<AuditReport> {
    const report: Counts = { ...EMPTY_REPORT };
    let rest = subjects;
    for (let round = 1; rest.length > 0; round++) {
      const changed: Subject[] = [];
      while (rest.length > 0) {
        const compared = await this.#compare(rest);
        if (round === 1 && rest[0]?.scan === "jobs") countJobs(compared, report);
        const findings = compared.flatMap(({ finding }) => finding ?? []);
        changed.push(...(await this.#report(findings, round === MAX_COMPARISONS, report)));
        rest = rest.slice(compared.length);
      }
      rest = changed;
    }
    return report;
  }

  /** Reads as many jobs as one script may read, and compares them with their index entries. */
  async #compare(subjects: readonly Subject[]): Promise<readonly Comparison[]> {
    const ids = subjects.map(({ id }) => id);
    const members = subjects.flatMap(({ member }) => member?.text ?? []);
    const [reply, metadata] = await this.#session.read(
      async (attempt): Promise<[Reply, IndexMetadata]> => [
        await this.#evaluate(attempt, scripts.audit, ids, members),
        attempt.metadata,
      ],
    );
    this.#session.confirmMetadata();
    const stored = storedIn(reply as unknown as AuditReply);
    return stored.map((one, n) =>
      compare(subjects[n] as Subject, one, metadata, this.#config, this.#options.indexValuesOf),
    );
  }

  /**
   * Counts findings and, with `repair`, corrects them.
   * @returns jobs to compare again, because they were written during the step
   */
  async #report(findings: readonly Finding[], last: boolean, report: Counts): Promise<readonly Subject[]> {
    const repaired = this.#options.repair && findings.length > 0 ? await this.#repair(findings) : new Map();
    const again: Subject[] = [];
    for (const finding of findings) {
      const done = repaired.get(finding);
      if (done === false && !last) {
        again.push(finding.subject);
      } else {
        report[finding.kind]++;
        if (done === true) report.repaired++;
      }
    }
    return again;
  }

  /** Repairs findings. The result is false for jobs that were written since the comparison, and absent if the status of the job is unknown. */
  async #repair(findings: readonly Finding[]): Promise<ReadonlyMap<Finding, boolean>> {
    const end = this.#session.executor.defaultEnd();
    if (!this.#permissions.passed) await this.#permissions.check({ end, indeterminate: false });
    await this.#addCodes(findings);
    let sent: readonly Finding[] = [];
    const [, ...done] = await this.#session.write(async (attempt) => {
      const { metadata } = attempt;
      sent = findings.filter(
        ({ expected }) => expected === null || expected.expired || codeOf(metadata.codes, expected) !== undefined,
      );
      const ids = sent.map(({ subject }) => subject.id);
      const args = sent.flatMap((finding) => repairArgs(finding, metadata));
      return this.#evaluate(attempt, scripts.reindex, ids, args);
    });
    this.#session.confirmMetadata();
    return new Map(sent.map((finding, n) => [finding, done[n] === 1]));
  }

  /** Adds missing status codes. A restored job may have a TTL that no service uses. */
  async #addCodes(findings: readonly Finding[]): Promise<void> {
    const metadata = await this.#session.read(async ({ metadata }) => metadata);
    const missing = findings.flatMap(({ expected }) => {
      if (expected === null || expected.expired || codeOf(metadata.codes, expected) !== undefined) return [];
      return metadata.codes.some(({ status }) => status === expected.status) ? [expected] : [];
    });
    if (missing.length > 0) await this.#session.addCodes(missing);
  }

  #evaluate(
    { evaluate, metadata }: Attempt,
    script: Script,
    ids: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply> {
    const { keys } = this.#session;
    const idPosition = Buffer.byteLength(keys.job("")) + 1;
    return evaluate(script, [...storeKeys(keys), ...ids.map(keys.job)], [metadata.revision, idPosition, ...args]);
  }
}

/** Runs an asynchronous function for each value, several at a time, and returns the results in order. */
async function* inFlight<T, R>(
  values: AsyncIterable<T>,
  run: (value: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const running: Promise<R>[] = [];
  for await (const value of values) {
    const result = run(value);
    // The error of an earlier one may end the iteration.
    result.catch(() => {});
    running.push(result);
    if (running.length === IN_FLIGHT) yield running.shift() as Promise<R>;
  }
  yield* running;
}

function countJobs(compared: readonly Comparison[], report: Counts): void {
  report.jobs += compared.filter(({ exists }) => exists).length;
  report.unreadable += compared.filter(({ unreadable }) => unreadable).length;
}

function storedIn(reply: AuditReply): Stored[] {
  const [, now, texts, ttls, statusScores, creationScores, fields, complete, given, works] = reply;
  return texts.map((text, n) => ({
    text,
    ttlMs: ttls[n] ?? NO_KEY,
    statusScore: numberIn(statusScores[n]),
    creationScore: numberIn(creationScores[n]),
    fields: fields[n] ?? "",
    complete: complete[n] === 1,
    hasMember: given[n] === 1,
    hasWork: typeof works[n] === "string",
    now: Number(now),
  }));
}

function numberIn(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}

/** Values of one job for lua/maintenance/reindex.lua. */
function repairArgs({ subject, expected }: Finding, metadata: IndexMetadata): readonly (string | number)[] {
  if (expected === null) return ["", "", "", "", "", subject.member?.text ?? ""];
  const { text, createdAt, statusAt, ttlMs, fields, expired } = expected;
  const [head = ""] = text.split('"times":[', 1);
  const beginning = `${head}"times":[${createdAt},${statusAt}`;
  const score = expired ? "" : scoreOf(codeOf(metadata.codes, expected)?.code ?? 0, statusAt);
  return [beginning, score, createdAt, ttlMs === 0 ? "" : statusAt + ttlMs, fields, subject.member?.text ?? ""];
}

/** Number of keys or entries that one SCAN examines. Most keys of the server may belong to other applications. */
const SCAN_COUNT = 1000;

/** Reply of SCAN, ZSCAN or HSCAN: the cursor of the next step ("0": there is none), and the keys or entries. */
type ScanReply = readonly [cursor: string, found: readonly string[]];

/**
 * Scans the ids of the jobs that have a key. Returns each id at least once if its key exists all the time.
 * @param step approximate number of ids that are returned at once
 */
function scanJobIds(session: RedisSession, step: number): AsyncGenerator<readonly string[], void, undefined> {
  const { keys } = session;
  const prefix = keys.job("");
  const pattern = `${asPattern(prefix)}*`;
  return scanAll(session, step, async (cursor) => {
    const replies = await session.read(({ client }) =>
      // On a cluster, the key of the first command selects the server for both.
      runPipeline(client, [
        ["exists", keys.metadata],
        ["scan", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT],
      ]),
    );
    const [, [next, found]] = valuesOf(replies) as [unknown, ScanReply];
    const ids = found.flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
    return [next, ids.filter(isId)];
  });
}

/** Scans the members of an index, or the fields of a hash. Returns each at least once if it exists all the time. */
function scanIndex(
  session: RedisSession,
  step: number,
  index: "statuses" | "creations" | "fields" | "work" | "values",
): AsyncGenerator<readonly string[], void, undefined> {
  const key = session.keys[index];
  return scanAll(session, step, async (cursor) => {
    const [next, found] = await session.read(({ client }) =>
      index === "work" || index === "values"
        ? client.hscan(key, cursor, "COUNT", SCAN_COUNT)
        : client.zscan(key, cursor, "COUNT", SCAN_COUNT),
    );
    // Each member is followed by its score, each field by its value.
    return [next, found.filter((_, n) => n % 2 === 0)];
  });
}

/** A cursor is valid on the server that returned it only. After a new connection, the scan begins again. */
async function* scanAll(
  session: RedisSession,
  step: number,
  scan: (cursor: string) => Promise<ScanReply>,
): AsyncGenerator<readonly string[], void, undefined> {
  let cursor = "0";
  let epoch = -1;
  for (;;) {
    const [next, found] = await scan(cursor);
    const restarts = cursor !== "0" && epoch !== session.connection.epoch;
    epoch = session.connection.epoch;
    // SCAN may return more than its COUNT. Equal parts are at most one and a half steps long.
    const size = Math.ceil(found.length / Math.max(1, Math.round(found.length / step)));
    for (let first = 0; first < found.length; first += size) yield found.slice(first, first + size);
    if (next === "0" && !restarts) return;
    cursor = restarts ? "0" : next;
  }
}
