import type { Invariant } from "./invariants.js";
import type { StoreSetup } from "./store.js";
import type { Lifecycle, Status } from "./types.js";
import type { WorkerSetup } from "./worker.js";

/** Faults that a schedule can contain. */
export type Fault =
  | "copies"
  | "lostReplies"
  | "crashes"
  | "blockedWorkers"
  | "lateHeartbeats"
  | "closes"
  | "hangs"
  | "shardOutage"
  | "relayOutage"
  | "brokerWipe"
  | "failover";

/** Actions of users that a schedule can contain. Every user cancels, retries and publishes. */
export type UserAction =
  | "moveBack"
  | "reenter"
  | "storeDelayed"
  | "reschedule"
  | "cancelMessage"
  | "save"
  | "saveAsPending"
  | "endWait"
  | "deleteAndCreate"
  | "unreadable"
  | "deadLetters";

/** Configuration of the model: stores, jobs, workers, and what can happen. */
export interface Preset {
  readonly purpose: string;
  readonly stores: readonly StoreSetup[];
  readonly jobs: readonly { readonly store: string; readonly id: string; readonly queues: readonly string[] }[];
  readonly workers: readonly WorkerSetup[];
  readonly faults: readonly Fault[];
  readonly users: readonly UserAction[];
  /** Queues for which users publish and store messages. */
  readonly userQueues: readonly string[];
  readonly deliveryLimit: number;
  /** True if workers close often, for example because of many deployments. */
  readonly closesOften: boolean;
  /** True if no relay runs when the faults have ended. */
  readonly endsWithoutRelay: boolean;
  readonly steps: number;
  readonly maxFaults: number;
  readonly maxUserActions: number;
  /** Invariants that the specification does not promise here. */
  readonly ignored: readonly Invariant[];
}

const NEXT: Readonly<Record<Status, readonly Status[]>> = {
  pending: ["pending", "working", "encoding", "failed"],
  working: ["working", "waiting", "pending", "encodable", "encoding", "done", "failed"],
  waiting: ["waiting", "working", "encoding", "failed"],
  encodable: ["encoding", "failed"],
  encoding: ["encoding", "waiting", "pending", "done", "failed"],
  done: [],
  failed: ["pending"],
};

const FILMS: Lifecycle = { next: NEXT };
const WITH_TIMEOUT: Lifecycle = { next: NEXT, timeout: 25 };
/** Lifecycle in which only the working statuses can have a lease. */
const LEASED_WHEN_WORKING: Lifecycle = {
  next: { ...NEXT, pending: ["working", "encoding", "failed"], waiting: ["working", "encoding", "failed"] },
};
const films = (shards = 1, lifecycle = FILMS): StoreSetup => ({ name: "films", lifecycle, shards });

const worker = (name: string, setup: Partial<WorkerSetup> = {}): WorkerSetup => ({
  name,
  queue: "q",
  store: "films",
  from: ["pending", "waiting"],
  working: "working",
  outcomes: ["done", "wait", "waitAndSendLater", "error", "postpone", "startOver"],
  ...setup,
});

const ENCODER: WorkerSetup = worker("E1", {
  queue: "q2",
  from: ["encodable"],
  working: "encoding",
  outcomes: ["error", "startOver", "done"],
});

const CORE: Preset = {
  purpose: "One queue, two workers, all actions of users.",
  stores: [films()],
  jobs: [{ store: "films", id: "J", queues: ["q"] }],
  workers: [worker("W1"), worker("W2")],
  faults: ["copies", "lostReplies", "crashes", "blockedWorkers", "lateHeartbeats", "closes", "hangs"],
  users: ["moveBack", "reenter", "storeDelayed", "reschedule", "save", "saveAsPending", "endWait", "deleteAndCreate"],
  userQueues: ["q"],
  deliveryLimit: Number.POSITIVE_INFINITY,
  closesOften: false,
  endsWithoutRelay: false,
  steps: 110,
  maxFaults: 6,
  maxUserActions: 4,
  ignored: [],
};

const extend = (change: Partial<Preset>, base: Preset = CORE): Preset => ({ ...base, ...change });
const failures = ["error", "error", "postpone", "waitAndSendLater", "wait", "done"] as const;
const parentOf = (store: string, jobId: string): Lifecycle => ({
  next: NEXT,
  sendsWhenFinal: { queue: "parents", store, jobId },
});
const parent = (name: string, jobs: readonly string[]): WorkerSetup =>
  worker(name, {
    queue: "parents",
    store: "series",
    firstOutcomes: ["wait"],
    outcomes: ["done"],
    readyAfter: { store: "films", jobs },
  });

const FAN_IN: Preset = extend({
  purpose: "A parent job that waits for two child jobs of another store.",
  stores: [
    { name: "films", lifecycle: parentOf("series", "P"), shards: 2 },
    { name: "series", lifecycle: FILMS, shards: 1 },
  ],
  jobs: [
    { store: "films", id: "J", queues: ["q"] },
    { store: "films", id: "K", queues: ["q"] },
    { store: "series", id: "P", queues: ["parents"] },
  ],
  workers: [
    worker("W1", { from: ["pending"], outcomes: ["done", "error"] }),
    parent("P1", ["J", "K"]),
    parent("P2", ["J", "K"]),
  ],
  users: ["reenter", "save", "endWait"],
  steps: 160,
});

const DELAYED: Preset = extend({
  purpose: "Delayed messages to the same job and to another one, that are rescheduled, and whose job is deleted.",
  jobs: [
    { store: "films", id: "J", queues: ["q"] },
    { store: "films", id: "K", queues: ["q"] },
  ],
  workers: [
    worker("W1", { outcomes: ["done", "wait", "waitAndSendLater", "waitAndAskOther", "postpone"] }),
    worker("W2", { outcomes: ["done", "wait", "waitAndSendLater", "waitAndAskOther", "error"] }),
  ],
  users: ["storeDelayed", "reschedule", "cancelMessage", "deleteAndCreate", "endWait", "reenter"],
  maxUserActions: 6,
  steps: 160,
});

export const PRESETS = {
  core: CORE,
  errors: extend({
    purpose: "Runs that fail and postpone their job.",
    workers: [worker("W1", { outcomes: failures }), worker("W2", { outcomes: failures })],
    maxFaults: 12,
    maxUserActions: 1,
    steps: 160,
  }),
  stages: extend({
    purpose: "Two stages of one job, with a queue and a working status each.",
    workers: [
      worker("W1", { outcomes: ["error", "requestEncoding", "handOver", "done"] }),
      worker("W2", { outcomes: ["error", "requestEncoding", "handOver", "done"] }),
      ENCODER,
    ],
    users: ["moveBack", "reenter", "save", "endWait", "deleteAndCreate"],
    maxFaults: 9,
    maxUserActions: 2,
    steps: 160,
  }),
  twoQueues: extend({
    purpose: "Two queues that request the same job, with a working status each.",
    jobs: [{ store: "films", id: "J", queues: ["q", "q2"] }],
    workers: [
      worker("W1", { outcomes: ["done", "wait", "error", "postpone", "startOverInBothQueues"] }),
      worker("W2", { outcomes: ["done", "wait", "error", "postpone", "startOverInBothQueues"] }),
      worker("E1", { queue: "q2", working: "encoding", outcomes: ["error", "wait", "done"] }),
    ],
    userQueues: ["q", "q2"],
  }),
  sharedWorking: extend({
    purpose: "Two queues whose workers have the same working status, against the advice of the specification.",
    jobs: [{ store: "films", id: "J", queues: ["q", "q2"] }],
    workers: [
      worker("W1", { outcomes: ["done", "wait", "error", "postpone", "startOverInBothQueues"] }),
      worker("W2", { outcomes: ["done", "wait", "error", "postpone", "startOverInBothQueues"] }),
      worker("E1", { queue: "q2", outcomes: ["error", "wait", "done"] }),
    ],
    userQueues: ["q", "q2"],
  }),
  fanIn: FAN_IN,
  sameId: extend(
    {
      purpose: "A parent job and its child job with the same id, in two stores.",
      stores: [
        { name: "films", lifecycle: parentOf("series", "J"), shards: 1 },
        { name: "series", lifecycle: FILMS, shards: 1 },
      ],
      jobs: [
        { store: "films", id: "J", queues: ["q"] },
        { store: "series", id: "J", queues: ["parents"] },
      ],
      workers: [
        worker("W1", { from: ["pending"], outcomes: ["done", "error"] }),
        parent("P1", ["J"]),
        parent("P2", ["J"]),
      ],
    },
    FAN_IN,
  ),
  delayed: DELAYED,
  delayedInShards: extend(
    {
      purpose:
        "Delayed messages of jobs in two shards, to each other's jobs. One shard can be unavailable when they are due.",
      stores: [films(2)],
      faults: ["crashes", "lostReplies", "copies", "shardOutage", "relayOutage"],
      maxFaults: 8,
    },
    DELAYED,
  ),
  savedWithoutLeases: extend({
    purpose: "Running and postponed jobs that are saved into a status that cannot have a lease.",
    stores: [films(1, LEASED_WHEN_WORKING)],
    workers: [worker("W1", { outcomes: ["postpone", "error", "wait", "done"] })],
    faults: ["crashes", "lostReplies", "copies"],
    users: ["save", "saveAsPending", "endWait"],
    maxUserActions: 6,
  }),
  deadLetters: extend({
    purpose: "Messages that cannot be read, and messages that the broker dead-letters.",
    users: [...CORE.users, "unreadable", "deadLetters"],
  }),
  lettersDuringRuns: extend({
    purpose: "Delayed messages that are unreadable or dead-lettered while a worker runs their job.",
    workers: [worker("W1", { outcomes: ["wait", "done", "postpone"] }), worker("W2", { outcomes: ["wait", "done"] })],
    faults: ["crashes", "lostReplies"],
    users: ["storeDelayed", "cancelMessage", "save", "unreadable", "deadLetters"],
    maxUserActions: 6,
  }),
  hangingRuns: extend({
    purpose: "Runs that do not end after their job was cancelled and retried.",
    faults: ["hangs", "crashes", "blockedWorkers"],
    users: ["deleteAndCreate"],
    maxUserActions: 6,
  }),
  wokenWorker: extend({
    purpose: "A worker that is blocked for longer than its leases, while requests arrive.",
    workers: [worker("W1", { outcomes: ["wait", "done", "error"] })],
    faults: ["blockedWorkers", "relayOutage"],
    users: [],
  }),
  closing: extend({
    purpose: "Workers that are closed again and again, with a delivery limit.",
    faults: ["closes", "lateHeartbeats", "lostReplies", "copies"],
    deliveryLimit: 3,
    closesOften: true,
    maxFaults: 9,
    maxUserActions: 1,
    steps: 160,
  }),
  outage: extend({
    purpose: "Outages of the store and of the relay.",
    faults: [...CORE.faults, "shardOutage", "relayOutage"],
  }),
  shards: extend({
    purpose: "Jobs in two shards, of which one can be unavailable.",
    stores: [films(2)],
    jobs: [
      { store: "films", id: "J", queues: ["q"] },
      { store: "films", id: "K", queues: ["q"] },
    ],
    faults: ["crashes", "blockedWorkers", "lostReplies", "shardOutage", "relayOutage"],
    maxFaults: 8,
    steps: 160,
  }),
  wipe: extend({ purpose: "A broker that loses all its messages.", faults: [...CORE.faults, "brokerWipe"] }),
  timeouts: extend({
    purpose: "Statuses with a time limit, and outages.",
    stores: [films(1, WITH_TIMEOUT)],
    faults: [...CORE.faults, "shardOutage"],
  }),
  noRelay: extend({
    purpose: "Statuses with a time limit, and no relay at the end.",
    stores: [films(1, WITH_TIMEOUT)],
    faults: [...CORE.faults, "relayOutage"],
    endsWithoutRelay: true,
  }),
  limited: extend({
    purpose: "A limit of one running job for three jobs.",
    stores: [{ ...films(), limit: 1 }],
    jobs: ["J", "K", "L"].map((id) => ({ store: "films", id, queues: ["q"] })),
    faults: [...CORE.faults, "relayOutage", "brokerWipe"],
    steps: 160,
  }),
  limitedFailover: extend({
    purpose: "A limit of two running jobs, in a store that loses its last writes.",
    stores: [{ ...films(), limit: 2 }],
    jobs: ["J", "K", "L"].map((id) => ({ store: "films", id, queues: ["q"] })),
    faults: ["crashes", "lostReplies", "copies", "failover"],
    ignored: ["I2", "I3", "I3x"],
    steps: 160,
  }),
  lone: extend({
    purpose: "One worker, so that no other process contacts the store while it is down.",
    workers: [worker("W1")],
  }),
  failover: extend({
    purpose: "A store that loses its last writes. Work whose record is lost is repeated.",
    faults: [...CORE.faults, "failover"],
    ignored: ["I2", "I3", "I3x"],
  }),
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];
