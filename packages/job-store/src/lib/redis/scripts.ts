import { createHash } from "node:crypto";
import type { RedisCommander } from "ioredis";
import { isError } from "../is-error.js";
import auditEntries from "./lua/audit-entries.lua";
import auditJobs from "./lua/audit-jobs.lua";
import auditKeys from "./lua/audit-keys.lua";
import auditMembers from "./lua/audit-members.lua";
import batch from "./lua/batch.lua";
import commit from "./lua/commit.lua";
import control from "./lua/control.lua";
import counts from "./lua/counts.lua";
import create from "./lua/create.lua";
import find from "./lua/find.lua";
import log from "./lua/log.lua";
import map from "./lua/map.lua";
import move from "./lua/move.lua";
import outbox from "./lua/outbox.lua";
import outboxAck from "./lua/outbox-ack.lua";
import outboxClaim from "./lua/outbox-claim.lua";
import outboxReject from "./lua/outbox-reject.lua";
import outboxRequeue from "./lua/outbox-requeue.lua";
import page from "./lua/page.lua";
import places from "./lua/places.lua";
import probe from "./lua/probe.lua";
import progress from "./lua/progress.lua";
import read from "./lua/read.lua";
import record from "./lua/record.lua";
import rejected from "./lua/rejected.lua";
import remove from "./lua/remove.lua";
import save from "./lua/save.lua";
import snapshot from "./lua/snapshot.lua";
import surplus from "./lua/surplus.lua";
import touch from "./lua/touch.lua";
import trim from "./lua/trim.lua";
import waiting from "./lua/waiting.lua";

export interface Script {
  readonly source: string;
  readonly sha: string;
}

function script(...parts: readonly string[]): Script {
  const source = parts.join("\n");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/** Carries out changes of jobs by these verbs. */
function change(...verbs: readonly string[]): Script {
  return script(touch, places, log, batch, control, record, ...verbs, commit);
}

/** For calls of all kinds. */
export const anyChange = change(create, move, progress, save, remove);

/**
 * For those that are made most, by their verb, when they travel with their like: Redis builds what a script defines anew
 * each time it runs.
 */
export const changesOf: Readonly<Record<string, Script>> = {
  create: change(create),
  move: change(move),
  progress: change(progress),
  remove: change(remove),
};

/** Every other script that the driver runs. The Lua files say what each takes and answers. */
export const scripts = {
  map: script(map),
  page: script(page),
  read: script(touch, read),
  find: script(touch, places, find),
  counts: script(counts),
  probe: script(probe),
  snapshot: script(snapshot),
  surplus: script(touch, places, log, surplus),
  trim: script(touch, places, trim),
  auditKeys: script(auditKeys),
  auditJobs: script(touch, places, control, auditJobs),
  auditEntries: script(touch, places, auditEntries),
  auditMembers: script(touch, places, auditMembers),
  outboxClaim: script(touch, outbox, outboxClaim),
  outboxAck: script(outbox, outboxAck),
  outboxReject: script(touch, outbox, outboxReject),
  outboxRequeue: script(touch, outbox, outboxRequeue),
  rejected: script(touch, rejected),
  waiting: script(waiting),
} as const;

/**
 * By its hash, and by its text where the server does not know it (yet, or after a SCRIPT FLUSH). Never in MULTI or a
 * pipeline, where that second try would change the order or be skipped.
 */
export async function evaluate(
  client: RedisCommander,
  { sha, source }: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.call("evalsha", [sha, keys.length, ...keys, ...args]);
  } catch (error) {
    if (!(isError(error) && error.message.startsWith("NOSCRIPT"))) throw error;
    return client.call("eval", [source, keys.length, ...keys, ...args]);
  }
}
