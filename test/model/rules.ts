/** Rules of the worker protocol that the model can leave out, one at a time. Each text says what holds with the rule. */
export const RULES = {
  fence: "A call with a job returned by `claim` changes nothing if the stored job has another version.",
  laterCreation: "A job that is created again under the id of a deleted one has a later `createdAt`.",
  statusOfSnapshot: "A call with a snapshot also compares the status, because a failover can produce a version twice.",
  changeKey: "Repeating a change with its key writes nothing and succeeds.",
  lastFourKeys: "The store keeps the keys of the last four changes of a job, claims included.",
  keepStoredMessage:
    "The job keeps its stored message after the lease ended, until the next claim or change of status.",
  saveSendsMessages: "A save into a status that cannot have a lease sends the messages of the job at once.",
  storedOfOtherQueue: "A claim puts the stored message of another queue into the outbox.",
  leaseEndsAtItsTime: "A lease is over at its time for `claim` and timeouts, with or without a relay.",
  reachableTime: "Leases of workers count only time during which their shard was reachable.",
  clockPerShard: "Each shard has its own clock of reachable time.",
  idleContact: "Relays and workers contact every shard every two seconds, also if they are idle.",
  retryByServerClock: "A lease that no worker owns ends by the clock of the server; an outage does not prolong it.",
  noRenewAfterEnd: "A lease that was ended with 0 is not given again.",
  handled: "An outcome marks the messages that its claim covers as handled.",
  dueAtClaim: "A lease covers no message that became due after its claim.",
  dueInOrigin: "The origin of a delayed message has the time at which it is due.",
  cancelNewest: "Cancelling the newest message of a queue removes its mark, so that an older message can fail the job.",
  rescheduleOrigin: "Changing the time of a scheduled message changes it in the origin, too.",
  runInOrigin: "The origin has the run, so a message of an earlier run is outdated.",
  storeInOrigin: "The origin names the store: a job of another store with the same id is another job.",
  recordIdsWhenSeen:
    "Ids of messages without an origin are recorded when they are claimed or remembered, not only with an outcome.",
  ownMessageCovered: "A claim covers the copies of its own message.",
  coversOneQueue: "A claim covers messages of its own queue only.",
  remember: "A message that arrives during a lease and is not covered is remembered.",
  rememberPerQueue: "One message is remembered for each queue.",
  rememberUntilAnswered: "Remembered messages stay with the job until a claim or a change of status.",
  claimAnswersRemembered: "A claim drops the remembered message of its queue.",
  attemptsSinceEntry: "Failed attempts are counted since the job entered its status.",
  countOwnedLeases: "Only leases of workers count as expired, not those of retries and postponed jobs.",
  uncountRenewed: "A lease that is given again is not counted as expired.",
  leaseStopsTimeout: "A job with a lease does not time out.",
  failOwnRequests: "`failRequest` fails a job only for a message whose origin is this job.",
  failUnlessClaimed: "`failRequest` fails no job that its queue claimed after the message.",
  failUnlessNewer: "`failRequest` fails no job for which a newer message of the queue was stored.",
  failAfterDue:
    "`failRequest` compares the time at which a delayed message was due with those of claims and newer messages.",
  failInOneStep: "`failRequest` claims and fails the job in one step.",
  keepLetterOfLeased: "The dead letter of a job with a lease is kept for the next search.",
  searchUnreadableOfLeased: "An unreadable message of a job with a lease is examined again by the next search.",
  lookAgainIfChanged: "A worker whose claim was answered with `changed` looks at the message again.",
  lookWithClaimOrigin: "A worker that lost its job looks at the message again with the origin of its claim.",
  returnWithClaimOrigin:
    "If `run` of a lost job does not settle, the message is published again with the origin of the claim.",
  lookAfterFailover:
    "After a failover, a worker looks again at the messages that it acknowledged in the last five seconds.",
  acknowledgeOnClose: "A worker that closes acknowledges a message when it has ended the lease of its job.",
  keepWaiting: "The store keeps the message of a claim that a limit refuses.",
  waitsAsNewer:
    "A message that waits for a place, and that the latest claim does not cover, counts as stored after its outcome.",
  freePlace: "A job leaves its place when its lease ends, in whatever way.",
  checkWaiting: "The relay checks the messages that wait again and again, because a sent message can be lost.",
  republishOnClose: "A worker that closes publishes the messages that it only fetched to the queue again.",
} as const;

export type Rule = keyof typeof RULES;

export const RULE_NAMES = Object.keys(RULES) as readonly Rule[];

/** Set of the rules that hold in a model: all, except those that were left out. */
export class Rules {
  readonly #without: ReadonlySet<Rule>;

  constructor(without: readonly Rule[] = []) {
    this.#without = new Set(without);
  }

  holds(rule: Rule): boolean {
    return !this.#without.has(rule);
  }
}
