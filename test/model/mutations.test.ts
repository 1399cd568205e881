import { expect, it } from "vitest";
import { PRESETS, type PresetName } from "./presets.js";
import { type Rule, Rules } from "./rules.js";
import { search } from "./schedule.js";

/** Number of random schedules in which the model must find that a rule is left out. */
const SCHEDULES = 100;

/** Rule that random schedules do not reach: it needs nine messages during one run. `findings.test.ts` has a script for it. */
type Unreached = "ownMessageCovered";

/**
 * Preset and first seed for each rule. After a change of the model, seeds can find nothing any more: `main.ts --without <rule>` finds others. A rule that no
 * seed finds is not needed, or the model no longer checks it.
 */
const LEFT_OUT: Readonly<Record<Exclude<Rule, Unreached>, { readonly preset: PresetName; readonly first: number }>> = {
  fence: { preset: "stages", first: 1 },
  laterCreation: { preset: "hangingRuns", first: 1 },
  statusOfSnapshot: { preset: "failover", first: 1 },
  changeKey: { preset: "shards", first: 1 },
  lastFourKeys: { preset: "twoQueues", first: 1 },
  keepStoredMessage: { preset: "sameId", first: 1 },
  saveSendsMessages: { preset: "savedWithoutLeases", first: 1 },
  storedOfOtherQueue: { preset: "sharedWorking", first: 1 },
  leaseEndsAtItsTime: { preset: "noRelay", first: 1 },
  reachableTime: { preset: "timeouts", first: 201 },
  clockPerShard: { preset: "shards", first: 1 },
  idleContact: { preset: "errors", first: 1 },
  retryByServerClock: { preset: "outage", first: 1 },
  noRenewAfterEnd: { preset: "errors", first: 301 },
  handled: { preset: "core", first: 1 },
  dueAtClaim: { preset: "shards", first: 1 },
  dueInOrigin: { preset: "core", first: 1 },
  cancelNewest: { preset: "lettersDuringRuns", first: 3101 },
  rescheduleOrigin: { preset: "delayed", first: 1 },
  runInOrigin: { preset: "delayed", first: 1 },
  storeInOrigin: { preset: "sameId", first: 101 },
  recordIdsWhenSeen: { preset: "wipe", first: 1 },
  coversOneQueue: { preset: "sharedWorking", first: 1 },
  remember: { preset: "sharedWorking", first: 1 },
  rememberPerQueue: { preset: "sharedWorking", first: 1 },
  rememberUntilAnswered: { preset: "sameId", first: 501 },
  claimAnswersRemembered: { preset: "outage", first: 1 },
  attemptsSinceEntry: { preset: "errors", first: 301 },
  countOwnedLeases: { preset: "stages", first: 1 },
  uncountRenewed: { preset: "twoQueues", first: 1 },
  leaseStopsTimeout: { preset: "noRelay", first: 1 },
  failOwnRequests: { preset: "lettersDuringRuns", first: 1 },
  failUnlessClaimed: { preset: "deadLetters", first: 1 },
  failUnlessNewer: { preset: "deadLetters", first: 1 },
  failAfterDue: { preset: "lettersDuringRuns", first: 1 },
  failInOneStep: { preset: "lettersDuringRuns", first: 101 },
  keepLetterOfLeased: { preset: "lettersDuringRuns", first: 6101 },
  searchUnreadableOfLeased: { preset: "lettersDuringRuns", first: 201 },
  lookAgainIfChanged: { preset: "sameId", first: 1 },
  lookWithClaimOrigin: { preset: "core", first: 1 },
  returnWithClaimOrigin: { preset: "hangingRuns", first: 1201 },
  lookAfterFailover: { preset: "failover", first: 101 },
  acknowledgeOnClose: { preset: "closing", first: 401 },
  keepWaiting: { preset: "limited", first: 1 },
  waitsAsNewer: { preset: "limited", first: 101 },
  freePlace: { preset: "limited", first: 1 },
  checkWaiting: { preset: "limited", first: 101 },
  republishOnClose: { preset: "closing", first: 1 },
};

it.each(Object.entries(LEFT_OUT))("finds that the rule %s is left out", (rule, { preset, first }) => {
  const { found } = search(PRESETS[preset], new Rules([rule as Rule]), first, SCHEDULES, true);
  expect(found.size).toBe(1);
});
