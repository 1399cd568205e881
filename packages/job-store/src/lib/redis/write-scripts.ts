import type { StoreShape } from "../driver.js";
import beginWrite from "./lua/begin-write.lua";
import create from "./lua/create.lua";
import deleteJobs from "./lua/delete.lua";
import deletion from "./lua/deletion.lua";
import endWrite from "./lua/end-write.lua";
import events from "./lua/events.lua";
import expected from "./lua/expected.lua";
import messages from "./lua/messages.lua";
import move from "./lua/move.lua";
import operations from "./lua/operations.lua";
import parts from "./lua/parts.lua";
import progress from "./lua/progress.lua";
import publish from "./lua/publish.lua";
import record from "./lua/record.lua";
import save from "./lua/save.lua";
import trimSurplus from "./lua/trim-surplus.lua";
import { newRecordHead, statusLines } from "./record-text.js";
import { fieldIndex, metadataOf, type Script, scriptOf } from "./scripts.js";

/** Values that are written into the text of a script. */
type Constants = Readonly<Record<string, string | number | boolean>>;

/** Shortest history entry with its line break and comma, in bytes. */
const SHORTEST_ENTRY = 20;

/** The log is trimmed once in so many events. */
const TRIM_EVENTS_EVERY = 100;

/**
 * Scripts that change jobs. The definition is a part of their texts, so a call need not send it. A store has one script to create
 * jobs, one for each status that jobs are moved to, and one each for progress, save and delete; twice that once the store has fields.
 */
export class WriteScripts {
  readonly #shape: StoreShape;
  readonly #constants: Constants;
  readonly #scripts = new Map<string, Script>();

  /** @param idAt position of the id in a job's key, in bytes from 1 */
  constructor(shape: StoreShape, eventLogLength: number, idAt: number) {
    this.#shape = shape;
    this.#constants = {
      ID_AT: idAt,
      MAX_RECORD_BYTES: shape.maxRecordBytes,
      EVENTS_KEPT: eventLogLength,
      TRIM_EVENTS_EVERY: Math.min(TRIM_EVENTS_EVERY, eventLogLength),
    };
  }

  create(fields: boolean): Script {
    return this.#script("create", fields, [messages, create], () => {
      const status = this.#shape.initial;
      const json = JSON.stringify(status);
      const ttl = this.#shape.ttlMs.get(status) ?? 0;
      const event = `"type":"created","from":null,"to":${json},"version":1,"at":`;
      return { TTL: ttl, TIMES_AT: Buffer.byteLength(newRecordHead(status, ttl)), EVENT: event };
    });
  }

  move(status: string, fields: boolean): Script {
    return this.#script(`move ${status}`, fields, [record, messages, parts, move], () => {
      const { historyLimit } = this.#shape;
      return {
        STATUS: JSON.stringify(status),
        TTL: this.#shape.ttlMs.get(status) ?? 0,
        SOURCES: statusLines(this.#shape.sources.get(status) ?? []),
        FINAL: this.#shape.finalStatuses.includes(status),
        FINALS: statusLines(this.#shape.finalStatuses),
        HISTORY_LIMIT: historyLimit,
        // A shorter history has fewer entries than the limit.
        HISTORY_LENGTH: Math.max(0, historyLimit - 1) * SHORTEST_ENTRY,
      };
    });
  }

  progress(fields: boolean): Script {
    return this.#script("progress", fields, [record, expected, parts, progress], () => ({
      FINALS: statusLines(this.#shape.finalStatuses),
    }));
  }

  save(fields: boolean): Script {
    return this.#script("save", fields, [record, save], () => ({}));
  }

  delete(fields: boolean): Script {
    return this.#script("delete", fields, [record, expected, deletion, deleteJobs], () => ({}));
  }

  trimSurplus(fields: boolean): Script {
    return this.#script("trim surplus", fields, [record, deletion, trimSurplus], () => ({}));
  }

  /** All scripts of calls, for a store that has fields, or none. */
  all(fields: boolean): readonly Script[] {
    const moves = this.#shape.statuses.map((status) => this.move(status, fields));
    return [this.create(fields), ...moves, this.progress(fields), this.save(fields), this.delete(fields)];
  }

  #script(name: string, fields: boolean, sources: readonly string[], constants: () => Constants): Script {
    const key = `${fields ? "with fields" : "plain"} ${name}`;
    let script = this.#scripts.get(key);
    if (script === undefined) {
      const all = { FIELDS: fields, ...this.#constants, ...constants() };
      script = scriptOf(
        constantsText(all),
        metadataOf,
        ...[events, beginWrite, operations],
        ...(fields ? [fieldIndex] : []),
        ...sources,
        ...[publish, endWrite],
      );
      this.#scripts.set(key, script);
    }
    return script;
  }
}

/** Declares the constants in Lua. */
function constantsText(constants: Constants): string {
  return Object.entries(constants)
    .map(([name, value]) => `local ${name} = ${typeof value === "string" ? luaString(value) : value}\n`)
    .join("");
}

/** A Lua string. Every byte but letters and digits is escaped, so no name of a definition can end the string. */
function luaString(text: string): string {
  const bytes = Array.from(Buffer.from(text), (byte) =>
    /[a-z0-9]/i.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`,
  );
  return `"${bytes.join("")}"`;
}
