import { createHash } from "node:crypto";
import type { RedisCommander } from "ioredis";
import { isError } from "../errors.js";
import beginOutbox from "./lua/includes/begin-outbox.lua";
import changePauses from "./lua/includes/change-pauses.lua";
import contact from "./lua/includes/contact.lua";
import deleteWork from "./lua/includes/delete-work.lua";
import endedLeases from "./lua/includes/ended-leases.lua";
import expectations from "./lua/includes/expectations.lua";
import fields from "./lua/includes/fields.lua";
import getRecord from "./lua/includes/get-record.lua";
import indexes from "./lua/includes/indexes.lua";
import lateEntry from "./lua/includes/late-entry.lua";
import leaseOf from "./lua/includes/lease-of.lua";
import metadata from "./lua/includes/metadata.lua";
import numbers from "./lua/includes/numbers.lua";
import pauses from "./lua/includes/pauses.lua";
import places from "./lua/includes/places.lua";
import push from "./lua/includes/push.lua";
import rank from "./lua/includes/rank.lua";
import readLimit from "./lua/includes/read-limit.lua";
import scriptBytes from "./lua/includes/script-bytes.lua";
import storeKeys from "./lua/includes/store-keys.lua";
import workChanges from "./lua/includes/work-changes.lua";
import workState from "./lua/includes/work-state.lua";
import audit from "./lua/maintenance/audit.lua";
import findOverdue from "./lua/maintenance/find-overdue.lua";
import nextTimeouts from "./lua/maintenance/next-timeouts.lua";
import probe from "./lua/maintenance/probe.lua";
import recordLostConnections from "./lua/maintenance/record-lost-connections.lua";
import reindex from "./lua/maintenance/reindex.lua";
import setMetadata from "./lua/maintenance/set-metadata.lua";
import timeoutsLag from "./lua/maintenance/timeouts-lag.lua";
import trimExpired from "./lua/maintenance/trim-expired.lua";
import outboxAcknowledge from "./lua/outbox/acknowledge.lua";
import outboxClaim from "./lua/outbox/claim.lua";
import outboxList from "./lua/outbox/list.lua";
import outboxReject from "./lua/outbox/reject.lua";
import outboxRequeue from "./lua/outbox/requeue.lua";
import outboxReschedule from "./lua/outbox/reschedule.lua";
import outboxState from "./lua/outbox/state.lua";
import pauseQueue from "./lua/pauses/pause.lua";
import readPauses from "./lua/pauses/read.lua";
import resumeQueue from "./lua/pauses/resume.lua";
import activity from "./lua/read/activity.lua";
import counts from "./lua/read/counts.lua";
import countsOfField from "./lua/read/counts-of-field.lua";
import examine from "./lua/read/examine.lua";
import find from "./lua/read/find.lua";
import leases from "./lua/read/leases.lua";
import page from "./lua/read/page.lua";
import read from "./lua/read/read.lua";
import snapshot from "./lua/read/snapshot.lua";
import workers from "./lua/read/workers.lua";
import renewLeases from "./lua/write/renew-leases.lua";

/** Text of a Lua script, and the hash by which Redis knows it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** Joins the parts of a script: includes first, the command last. */
export function scriptOf(...parts: readonly string[]): Script {
  const source = parts.join("\n");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/** First part of every script that checks the revision of the metadata. */
export const metadataOf = `${scriptBytes}\n${metadata}`;

/** Functions that update the index by field. */
export const fieldIndex = fields;

const indexed = [metadataOf, readLimit, storeKeys, fields, numbers, indexes];
const work = [push, contact, places, workState];
const deleting = [...indexed, ...work, workChanges, deleteWork];

/** Scripts that are the same for all stores. The header of each Lua file describes its keys, arguments and replies. */
export const scripts = {
  setMetadata: scriptOf(setMetadata),
  recordLostConnections: scriptOf(metadataOf, recordLostConnections),
  page: scriptOf(numbers, rank, page),
  read: scriptOf(scriptBytes, readLimit, read),
  find: scriptOf(...indexed, find),
  counts: scriptOf(counts),
  activity: scriptOf(contact, numbers, activity),
  countsOfField: scriptOf(...indexed, countsOfField),
  probe: scriptOf(probe),
  snapshot: scriptOf(getRecord, snapshot),
  examine: scriptOf(scriptBytes, contact, getRecord, leaseOf, places, examine),
  leases: scriptOf(leases),
  renewLeases: scriptOf(scriptBytes, ...work, workChanges, expectations, pauses, renewLeases),
  pauseQueue: scriptOf(pauses, changePauses, pauseQueue),
  resumeQueue: scriptOf(pauses, changePauses, resumeQueue),
  readPauses: scriptOf(readPauses),
  workers: scriptOf(workers),
  trimExpired: scriptOf(...deleting, trimExpired),
  audit: scriptOf(...indexed, audit),
  reindex: scriptOf(...deleting, lateEntry, reindex),
  nextTimeouts: scriptOf(metadataOf, contact, numbers, nextTimeouts),
  findOverdue: scriptOf(metadataOf, ...work, findOverdue),
  timeoutsLag: scriptOf(contact, numbers, timeoutsLag),
  outboxClaim: scriptOf(scriptBytes, readLimit, beginOutbox, ...work, endedLeases, outboxClaim),
  outboxAcknowledge: scriptOf(beginOutbox, outboxAcknowledge),
  outboxReject: scriptOf(scriptBytes, readLimit, beginOutbox, outboxReject),
  outboxRequeue: scriptOf(scriptBytes, readLimit, beginOutbox, outboxRequeue),
  outboxList: scriptOf(scriptBytes, readLimit, numbers, rank, outboxList),
  outboxReschedule: scriptOf(scriptBytes, readLimit, numbers, beginOutbox, ...work, workChanges, outboxReschedule),
  outboxState: scriptOf(outboxState),
} as const;

/**
 * Runs a script by its hash, and by its text if the server does not have it. Must not be used in MULTI or a pipeline: the second
 * attempt would change the order of commands or be left out.
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
