import { createHash } from "node:crypto";
import type { RedisCommander } from "ioredis";
import { isError } from "../errors.js";
import audit from "./lua/audit.lua";
import counts from "./lua/counts.lua";
import fields from "./lua/fields.lua";
import find from "./lua/find.lua";
import indexes from "./lua/indexes.lua";
import limits from "./lua/limits.lua";
import lost from "./lua/lost.lua";
import map from "./lua/map.lua";
import metadata from "./lua/metadata.lua";
import outbox from "./lua/outbox.lua";
import outboxAck from "./lua/outbox-ack.lua";
import outboxClaim from "./lua/outbox-claim.lua";
import outboxReject from "./lua/outbox-reject.lua";
import outboxRequeue from "./lua/outbox-requeue.lua";
import page from "./lua/page.lua";
import probe from "./lua/probe.lua";
import read from "./lua/read.lua";
import reindex from "./lua/reindex.lua";
import rejected from "./lua/rejected.lua";
import snapshot from "./lua/snapshot.lua";
import storeKeys from "./lua/store-keys.lua";
import touch from "./lua/touch.lua";
import trimExpired from "./lua/trim-expired.lua";
import waiting from "./lua/waiting.lua";

export interface Script {
  readonly source: string;
  readonly sha: string;
}

export function scriptOf(...parts: readonly string[]): Script {
  const source = parts.join("\n");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/** Begins every script that checks the revision of the metadata. */
export const metadataOf = `${limits}\n${metadata}`;

/** Functions that keep the index of fields. */
export const fieldIndex = fields;

const indexed = [metadataOf, touch, storeKeys, fields, indexes];

/** The scripts that are the same for all stores. The Lua files say what each takes and answers. */
export const scripts = {
  map: scriptOf(map),
  lost: scriptOf(lost),
  page: scriptOf(page),
  read: scriptOf(limits, touch, read),
  find: scriptOf(...indexed, find),
  counts: scriptOf(counts),
  probe: scriptOf(probe),
  snapshot: scriptOf(snapshot),
  trimExpired: scriptOf(...indexed, trimExpired),
  audit: scriptOf(...indexed, audit),
  reindex: scriptOf(...indexed, reindex),
  outboxClaim: scriptOf(limits, touch, outbox, outboxClaim),
  outboxAck: scriptOf(outbox, outboxAck),
  outboxReject: scriptOf(limits, touch, outbox, outboxReject),
  outboxRequeue: scriptOf(limits, touch, outbox, outboxRequeue),
  rejected: scriptOf(limits, touch, rejected),
  waiting: scriptOf(waiting),
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
