import type { StoreConfig } from "../driver.js";
import { canHaveLease, MAX_EXCESS_BYTES } from "../driver-rules.js";
import type { IndexMetadata } from "./index-metadata.js";
import { SPAN } from "./keys.js";
import beginWrite from "./lua/includes/begin-write.lua";
import contact from "./lua/includes/contact.lua";
import deleteWork from "./lua/includes/delete-work.lua";
import deletion from "./lua/includes/deletion.lua";
import endWrite from "./lua/includes/end-write.lua";
import events from "./lua/includes/events.lua";
import expectations from "./lua/includes/expectations.lua";
import lateEntry from "./lua/includes/late-entry.lua";
import messages from "./lua/includes/messages.lua";
import newJob from "./lua/includes/new-job.lua";
import operations from "./lua/includes/operations.lua";
import pauses from "./lua/includes/pauses.lua";
import places from "./lua/includes/places.lua";
import publish from "./lua/includes/publish.lua";
import push from "./lua/includes/push.lua";
import readUntil from "./lua/includes/read-until.lua";
import record from "./lua/includes/record.lua";
import recordParts from "./lua/includes/record-parts.lua";
import requests from "./lua/includes/requests.lua";
import statusChange from "./lua/includes/status-change.lua";
import statusMessages from "./lua/includes/status-messages.lua";
import workChanges from "./lua/includes/work-changes.lua";
import workOfCall from "./lua/includes/work-of-call.lua";
import workState from "./lua/includes/work-state.lua";
import trimToMaxCount from "./lua/maintenance/trim-to-max-count.lua";
import claim from "./lua/write/claim.lua";
import create from "./lua/write/create.lua";
import deleteJobs from "./lua/write/delete.lua";
import failRequest from "./lua/write/fail-request.lua";
import request from "./lua/write/request.lua";
import save from "./lua/write/save.lua";
import updateProgress from "./lua/write/update-progress.lua";
import updateStatus from "./lua/write/update-status.lua";
import updateStatuses from "./lua/write/update-statuses.lua";
import { newRecordHead, statusLines } from "./record-text.js";
import { fieldIndex, metadataOf, type Script, scriptOf } from "./scripts.js";

/** Values that are written into the text of a script. */
type Constants = Readonly<Record<string, string | number | boolean>>;

/** Includes of scripts that change the status of jobs, and of those that delete jobs. */
const WORK = [contact, places, workState, workChanges];
const STATUS_CHANGE = [record, recordParts, statusChange, statusMessages, ...WORK, workOfCall];
const DELETION = [...WORK, deleteWork, deletion];

/** Lets a change exceed the limit for the size of a record. */
const NO_LIMIT = { MAX_EXCESS_BYTES: Number.MAX_SAFE_INTEGER };

/** Size of the shortest history entry with its line break and comma, in bytes: an imported one, `[1,"","",0]`. */
const MIN_ENTRY_BYTES = 13;

/** The event log is trimmed once in so many events. */
const TRIM_EVENTS_EVERY = 100;

/**
 * Scripts that change jobs. Their texts contain the definition and the status codes, so calls do not send them. A
 * store has one script to create jobs, one for each status that jobs enter, one for each status that jobs can be claimed into or failed to,
 * and one each for progress, save and delete; twice that once the store has fields.
 */
export class WriteScripts {
  readonly #config: StoreConfig;
  readonly #constants: Constants;
  readonly #scripts = new Map<string, Script>();
  /** Scripts that many stores do not need, and that a call has used. A server that does not have one replies so, and then gets it. */
  readonly #used = new Set<Script>();

  /** @param idAt position of the id in a job's key, in bytes from 1 */
  constructor(config: StoreConfig, eventLogLength: number, idAt: number) {
    this.#config = config;
    this.#constants = {
      ID_AT: idAt,
      SPAN,
      MAX_RECORD_BYTES: config.maxRecordBytes,
      MAX_EXCESS_BYTES,
      HISTORY_LIMIT: config.historyLimit,
      FINALS: statusLines(config.finalStatuses),
      UNLEASED: statusLines(config.statuses.filter((status) => !canHaveLease(config, status))),
      EVENTS_KEPT: eventLogLength,
      TRIM_EVENTS_EVERY: Math.min(TRIM_EVENTS_EVERY, eventLogLength),
    };
  }

  create(metadata: IndexMetadata): Script {
    const parts = [messages, statusMessages, newJob, create];
    return this.#entering("create", this.#config.initial, metadata, parts, this.#creation());
  }

  /** Returns the script that creates jobs, or changes existing ones to the initial status. */
  request(metadata: IndexMetadata): Script {
    const parts = [messages, ...STATUS_CHANGE, newJob, updateStatus, request];
    return this.#use(this.#entering("request", this.#config.initial, metadata, parts, this.#creation()));
  }

  /** Returns the constants of the scripts that create jobs. */
  #creation(): Constants {
    const status = this.#config.initial;
    const ttl = this.#config.ttlMs.get(status) ?? 0;
    return {
      TIMES_AT: String(Buffer.byteLength(newRecordHead(status, ttl))),
      EVENT: `"type":"created","from":null,"to":${JSON.stringify(status)},"version":1,"at":`,
    };
  }

  updateStatus(status: string, metadata: IndexMetadata): Script {
    return this.#entering("updateStatus", status, metadata, [messages, ...STATUS_CHANGE, updateStatus, updateStatuses]);
  }

  /** Returns the script that claims jobs into a status. The size of a record does not limit claims: without them, no job would end. */
  claim(status: string, metadata: IndexMetadata): Script {
    const parts = [...STATUS_CHANGE, requests, pauses, claim];
    return this.#use(this.#entering("claim", status, metadata, parts, NO_LIMIT));
  }

  failRequest(status: string, metadata: IndexMetadata): Script {
    const parts = [...STATUS_CHANGE, requests, failRequest];
    return this.#use(this.#entering("failRequest", status, metadata, parts, NO_LIMIT));
  }

  #use(script: Script): Script {
    this.#used.add(script);
    return script;
  }

  #entering(
    command: string,
    status: string,
    metadata: IndexMetadata,
    parts: readonly string[],
    others: Constants = {},
  ): Script {
    const code = codeOf(status, metadata);
    return this.#script(`${command} ${code} ${status}`, metadata, parts, () => ({
      CODE: code,
      STATUS: JSON.stringify(status),
      TTL: String(this.#config.ttlMs.get(status) ?? 0),
      SENDS: this.#sendLines(status),
      SOURCES: statusLines(this.#config.sources.get(status) ?? []),
      FINAL: this.#config.finalStatuses.includes(status),
      // A shorter history has fewer entries than the limit.
      HISTORY_LENGTH: Math.max(0, this.#config.historyLimit - 1) * MIN_ENTRY_BYTES,
      ...others,
    }));
  }

  updateProgress(metadata: IndexMetadata): Script {
    return this.#script("updateProgress", metadata, [record, readUntil, expectations, recordParts, updateProgress]);
  }

  save(metadata: IndexMetadata): Script {
    return this.#script("save", metadata, [record, ...WORK, workOfCall, lateEntry, save]);
  }

  delete(metadata: IndexMetadata): Script {
    return this.#script("delete", metadata, [record, readUntil, expectations, ...DELETION, deleteJobs]);
  }

  trimToMaxCount(metadata: IndexMetadata): Script {
    return this.#script("trimToMaxCount", metadata, [record, readUntil, ...DELETION, trimToMaxCount]);
  }

  /** Returns the scripts of all calls, except for those of requests, claims and failed requests that no call has used yet. */
  all(metadata: IndexMetadata): readonly Script[] {
    const updates = this.#config.statuses.map((status) => this.updateStatus(status, metadata));
    const others = [this.updateProgress(metadata), this.save(metadata), this.delete(metadata)];
    return [...new Set([this.create(metadata), ...updates, ...others, ...this.#used])];
  }

  /** Returns the messages of a status in the form of lua/includes/status-messages.lua. */
  #sendLines(status: string): string {
    const rules = this.#config.sends.get(status) ?? [];
    return rules.map(({ queue, ifField }) => `${ifField ?? ""} ${JSON.stringify(queue)}`).join("\n");
  }

  #script(
    name: string,
    metadata: IndexMetadata,
    sources: readonly string[],
    constants: () => Constants = () => ({}),
  ): Script {
    const fields = metadata.fields.length > 0;
    const key = `${fields ? "with fields" : "plain"} ${name}`;
    let script = this.#scripts.get(key);
    if (script === undefined) {
      const begin = [events, push, beginWrite, operations, ...(fields ? [fieldIndex] : [])];
      const parts = [...begin, ...sources, publish, endWrite];
      const all = { FIELDS: fields, ...this.#constants, ...constants() };
      script = scriptOf(metadataOf, ...parts.map((part) => withConstants(part, all)));
      this.#scripts.set(key, script);
    }
    return script;
  }
}

/** Rules by which a call uses the work state of its job. */
export interface WorkRules {
  /** True if a job can have a lease in one of the statuses. */
  readonly anyLeases: boolean;
  /** Statuses that jobs can enter from one in which they can have a lease. */
  readonly afterLease: ReadonlySet<string>;
  /** Statuses that send messages. */
  readonly sends: ReadonlySet<string>;
  /** Statuses in which jobs have no lease. */
  readonly unleased: ReadonlySet<string>;
  /** True if a history has fewer entries than changes whose keys are known, so that the work state has them. */
  readonly keepsKeys: boolean;
}

/** Number of changes of a job whose keys are known. */
const KEYS_OF_CHANGES = 4;

export function workRules(config: StoreConfig): WorkRules {
  const leasable = config.statuses.filter((status) => canHaveLease(config, status));
  const follows = (status: string) => config.sources.get(status)?.some((source) => leasable.includes(source)) === true;
  return {
    anyLeases: leasable.length > 0,
    afterLease: new Set(config.statuses.filter(follows)),
    sends: new Set(config.sends.keys()),
    unleased: new Set(config.statuses.filter((status) => !leasable.includes(status))),
    keepsKeys: config.historyLimit < KEYS_OF_CHANGES,
  };
}

/** Returns the code of a status in the index, as text: scores begin with it. */
function codeOf(status: string, { ownCodes }: IndexMetadata): string {
  return String(ownCodes.get(status)?.code ?? "");
}

/** Replaces the names of constants in a Lua script by their values. A Lua function would have to capture local variables. */
function withConstants(text: string, constants: Constants): string {
  return text.replace(/\b[A-Z][A-Z_]+\b/g, (name) => {
    const value = constants[name];
    return value === undefined ? name : literal(value);
  });
}

function literal(value: string | number | boolean): string {
  return typeof value === "string" ? luaString(value) : String(value);
}

/** Returns a Lua string. All bytes except letters and digits are escaped, so no name of a definition can end the string. */
function luaString(text: string): string {
  // In latin1, each byte is one character. A definition with hundreds of statuses has millions of bytes here.
  const bytes = Buffer.from(text).toString("latin1");
  return `"${bytes.replace(/[^a-z0-9]/gi, (byte) => `\\${String(byte.charCodeAt(0)).padStart(3, "0")}`)}"`;
}
