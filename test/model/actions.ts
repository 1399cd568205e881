import { isWaiting } from "./places.js";
import type { Fault, UserAction } from "./presets.js";
import type { Store } from "./store.js";
import { isFinal, type JobRecord, type NewMessage } from "./types.js";
import { callsStore, type Task, type Worker } from "./worker.js";
import type { World } from "./world.js";

/** Step that a schedule can take in the present state. */
export interface Action {
  /** Text that identifies the action in a trace. */
  readonly label: string;
  /** Relative probability. */
  readonly weight: number;
  /** Progress happens in every system; outcomes, faults and actions of users are choices; time passes if nothing else can. */
  readonly kind: "progress" | "outcome" | "fault" | "user" | "time";
  readonly perform: () => void;
}

/** Kinds of actions that the schedule still allows. */
export interface Allowed {
  readonly faults: boolean;
  readonly users: boolean;
}

/** Returns all actions that are possible now. */
export function possibleActions(world: World, allowed: Allowed): Action[] {
  return [
    ...relayActions(world, allowed),
    ...world.workers.flatMap((worker) => workerActions(world, worker, allowed)),
    ...(allowed.faults ? serverFaults(world) : []),
    ...recoveries(world, allowed),
    ...timeActions(world, allowed),
    ...(allowed.users ? userActions(world, allowed) : []),
  ];
}

function relayActions(world: World, { faults }: Allowed): Action[] {
  const off = world.preset.endsWithoutRelay && !faults;
  if (!world.relayRuns || off) return [];
  return world.shards.flatMap((shard): Action[] => {
    if (shard.down) return [];
    const place = `${shard.store}/${shard.number}`;
    const actions: Action[] = [];
    if (shard.places.isCheckDue || shard.records.some((record) => record.sendAgain || shard.isOver(record))) {
      actions.push({
        label: `relay reads ${place}`,
        weight: 5,
        kind: "progress",
        perform: () => world.readOutbox(shard),
      });
    }
    // Several relays publish entries out of order.
    const entries = world.dueEntries(shard).slice(0, faults ? 3 : 1);
    entries.forEach((entry, index) => {
      const { name, jobId } = entry.message;
      const label = `relay publishes ${name} for ${jobId}`;
      actions.push({
        label,
        weight: index === 0 ? 6 : 2,
        kind: "progress",
        perform: () => world.relay(shard, entry, false),
      });
      if (faults && world.has("copies")) {
        actions.push({
          label: `${label} twice`,
          weight: 0.5,
          kind: "fault",
          perform: () => world.relay(shard, entry, true),
        });
      }
    });
    return actions;
  });
}

function workerActions(world: World, worker: Worker, { faults }: Allowed): Action[] {
  const actions: Action[] = [];
  const { name } = worker;
  const add = (kind: Action["kind"], label: string, weight: number, perform: () => void) =>
    actions.push({ kind, label: `${name} ${label}`, weight, perform });
  const fault = (needed: Fault, label: string, weight: number, perform: () => void) => {
    if (faults && world.has(needed)) add("fault", label, weight, perform);
  };

  const beat = worker.heartbeatInFlight;
  if (beat?.every(({ id }) => !worker.store.shardOf(id).down)) {
    add("progress", "heartbeat arrives", 3, () => worker.heartbeatArrives());
  }
  if (worker.blocked) {
    add("progress", "wakes", faults ? 1 : 9, () => worker.wake());
    return actions;
  }
  if (worker.tasks.length < 2) {
    const ready = world.broker.queue(worker.setup.queue).slice(0, faults ? 3 : 1);
    ready.forEach((delivery, index) => {
      const { message } = delivery;
      add("progress", `receives ${message.name} for ${message.jobId}`, index === 0 ? 5 : 1, () =>
        worker.receive(delivery),
      );
    });
    const letter = world.broker.dead.find(
      ({ number, message, decided, searchFrom }) =>
        message.queue === worker.setup.queue && !decided && searchFrom <= world.time.now && !isExamined(world, number),
    );
    if (letter !== undefined) add("progress", `examines ${letter.message.name}`, 3, () => worker.search(letter));
  }
  for (const task of worker.tasks) actions.push(...taskActions(world, worker, task, faults));
  const running = worker.jobs;
  if (running.length > 0 && beat === null) {
    fault("lateHeartbeats", "heartbeat is sent", world.preset.closesOften ? 2 : 0.3, () => {
      worker.heartbeatInFlight = running;
    });
  }
  if (worker.tasks.length > 0) {
    fault("crashes", "crashes", 0.8, () => world.stop(worker, "crash"));
    fault("crashes", "loses its connection", 0.8, () => worker.disconnect());
    fault("blockedWorkers", "is blocked", 0.8, () => {
      worker.blocked = true;
    });
    fault("closes", "closes", world.preset.closesOften ? 3 : 0.5, () => world.stop(worker, "close"));
  }
  return actions;
}

function isExamined(world: World, letter: number): boolean {
  return world.workers.some(({ tasks }) => tasks.some(({ delivery }) => delivery.number === letter));
}

function taskActions(world: World, worker: Worker, task: Task, faults: boolean): Action[] {
  const actions: Action[] = [];
  const add = (kind: Action["kind"], label: string, weight: number, perform: () => void) =>
    actions.push({ kind, label: `${worker.name}.${task.number} ${label}`, weight, perform });
  const { state } = task;
  if (state.name === "acknowledging") add("progress", "acknowledges", 8, () => worker.acknowledge(task));
  else if (state.name === "running") {
    for (const outcome of worker.outcomesOf(task)) {
      const isFailure = outcome === "error" || outcome === "postpone";
      if (isFailure && !faults) continue;
      add(isFailure ? "fault" : "outcome", `ends with ${outcome}`, 2, () => worker.finish(task, outcome));
    }
    if (task.lost && faults && world.has("hangs")) add("fault", "hangs", 2, () => worker.abandon(task));
  } else if (callsStore(state) && !world.store(task.message.store).shardOf(task.message.jobId).down) {
    add("progress", `calls (${state.name})`, 8, () => worker.call(task, false));
    if (faults && world.has("lostReplies")) {
      add("fault", `loses the reply (${state.name})`, 0.6, () => worker.call(task, true));
    }
  }
  return actions;
}

function serverFaults(world: World): Action[] {
  const actions: Action[] = [];
  const add = (needed: Fault, label: string, weight: number, perform: () => void) => {
    if (world.has(needed)) actions.push({ kind: "fault", label, weight, perform });
  };
  for (const shard of world.shards) {
    if (shard.down) continue;
    add("shardOutage", `${shard.store}/${shard.number} becomes unavailable`, 0.8, () => {
      shard.down = true;
    });
  }
  if (world.relayRuns) {
    add("relayOutage", "relay stops", 0.4, () => {
      world.relayRuns = false;
    });
  }
  add("brokerWipe", "broker loses its messages", 0.6, () => world.wipeBroker());
  if (world.canFailOver)
    for (const writes of [1, 3, 6]) add("failover", `failover loses ${writes}`, 0.3, () => world.failOver(writes));
  return actions;
}

function recoveries(world: World, { faults }: Allowed): Action[] {
  const actions: Action[] = [];
  const weight = faults ? 0.8 : 9;
  for (const shard of world.shards) {
    if (!shard.down) continue;
    const perform = () => {
      shard.down = false;
    };
    actions.push({ kind: "progress", label: `${shard.store}/${shard.number} is available`, weight, perform });
  }
  if (!world.relayRuns) {
    const perform = () => {
      world.relayRuns = true;
    };
    actions.push({ kind: "progress", label: "relay starts", weight, perform });
  }
  return actions;
}

function timeActions(world: World, { faults }: Allowed): Action[] {
  const { now } = world.time;
  const waits =
    world.shards.some(({ state }) => state.outbox.some(({ due }) => due > now)) ||
    world.broker.dead.some(({ decided }) => !decided) ||
    world.records.some((record) => record.lease !== null || isWaiting(record)) ||
    world.stores.some(
      ({ lifecycle, records }) => lifecycle.timeout !== undefined && records.some(({ status }) => !isFinal(status)),
    );
  if (!waits) return [];
  const seconds = (count: number) => () => {
    for (let second = 0; second < count; second++) world.second();
  };
  const one: Action = { kind: "time", label: "1 second passes", weight: 2, perform: seconds(1) };
  if (!faults) return [one];
  return [one, { kind: "fault", label: "16 seconds pass", weight: 1.5, perform: seconds(16) }];
}

function userActions(world: World, allowed: Allowed): Action[] {
  const { store: storeName, id } = world.preset.jobs[0] ?? { store: "", id: "" };
  const store = world.store(storeName);
  if (store.shardOf(id).down) return [];
  const actions: Action[] = [];
  const may = (action: UserAction) => world.preset.users.includes(action);
  const add = (label: string, weight: number, perform: () => void) =>
    actions.push({ kind: "user", label: `user ${label}`, weight, perform });
  const record = store.find(id);
  if (record === undefined) {
    add("creates the job", 2, () => store.create(id, world.preset.jobs[0]?.queues ?? []));
    return actions;
  }
  for (const queue of world.preset.userQueues) jobActions(world, store, record, queue, add, may);
  if (record.status === "failed") {
    add("retries", 1.5, () => store.change(id, { to: "pending", outbox: [{ queue: "q" }] }));
  }
  if (record.status === "working" && may("moveBack") && isRun(world, record)) {
    add("moves the job back", 0.4, () => {
      store.change(id, { to: "pending" });
      record.facts.needsLostWorker = true;
    });
  }
  if (record.lease !== null && may("save")) add("saves", 0.4, () => store.save(id));
  if (record.lease !== null && may("saveAsPending")) add("saves as pending", 0.2, () => store.save(id, "pending"));
  if (record.lease?.owned === false && may("endWait")) add("ends the wait", 0.5, () => store.endWait(id));
  if (may("deleteAndCreate")) add("deletes", 0.3, () => store.delete(id));
  scheduledActions(world, store, id, add, may);
  if (may("deadLetters")) letterActions(world, allowed, add);
  if (may("unreadable") && allowed.faults && hasUnreadable(world))
    add("repairs the schema", 1, () => world.broker.repairSchema());
  return actions;
}

type Add = (label: string, weight: number, perform: () => void) => void;

/** Adds the actions that request work of one queue. */
function jobActions(
  world: World,
  store: Store,
  record: JobRecord,
  queue: string,
  add: Add,
  may: (action: UserAction) => boolean,
): void {
  const { id, status } = record;
  const change = (to: JobRecord["status"], ...outbox: NewMessage[]) => store.change(id, { to, outbox });
  if (isFinal(status)) return;
  if (queue === "q") add("cancels", 0.3, () => store.change(id, { to: "failed" }));
  add(`publishes to ${queue}`, 1, () => world.publish(queue, store.name, id));
  const serves = world.workers.some(
    ({ setup }) => setup.queue === queue && [...setup.from, setup.working].includes(status),
  );
  if (may("reenter") && serves && (status === "pending" || status === "working")) {
    add(`re-enters ${status} with a message to ${queue}`, 0.4, () => change(status, { queue }));
  }
  if (status === "encodable" || status === "encoding") return;
  const to = status === "working" ? "pending" : status;
  if (may("storeDelayed")) {
    add(`stores a delayed message to ${queue}`, 1, () => change(to, { queue, delay: 7 }, { queue }));
  }
  if (!may("unreadable")) return;
  add(`publishes an unreadable message to ${queue}`, 0.6, () => world.publish(queue, store.name, id, true));
  add(`stores a delayed unreadable message to ${queue}`, 0.6, () => change(to, { queue, delay: 7, unreadable: true }));
  if (status !== "pending") return;
  add(`re-enters pending with an unreadable message to ${queue}`, 0.8, () =>
    change("pending", { queue, unreadable: true }),
  );
}

function scheduledActions(
  world: World,
  store: Store,
  id: string,
  add: Add,
  may: (action: UserAction) => boolean,
): void {
  const shard = store.shardOf(id);
  const entry = shard.state.outbox.find(({ due }) => due > world.time.now);
  if (entry === undefined) return;
  const { name } = entry.message;
  if (may("cancelMessage")) add(`cancels ${name}`, 0.5, () => world.cancel(shard, entry));
  if (!may("reschedule")) return;
  // The next second, because a claim of the present second counts as later than a message that is due in it.
  add(`sends ${name} now`, 0.5, () => world.reschedule(shard, entry, world.time.now + 1));
  add(`sends ${name} later`, 0.5, () => world.reschedule(shard, entry, world.time.now + 9));
}

function letterActions(world: World, { faults }: Allowed, add: Add): void {
  const [letter] = world.broker.dead;
  if (faults && letter !== undefined && !isExamined(world, letter.number)) {
    add(`redrives ${letter.message.name}`, 0.6, () => world.broker.redrive(letter));
  }
  const [first] = world.broker.queue("q");
  if (!faults || first === undefined) return;
  add(`lets the broker dead-letter ${first.message.name}`, 1.5, () => {
    world.broker.take(first);
    world.broker.deadLetter({ ...first, deliveries: 9 }, { byBroker: true, decided: false });
  });
}

function hasUnreadable(world: World): boolean {
  return [...world.broker.ready.values()].some((queue) => queue.some(({ message }) => message.unreadable));
}

/** Returns true if a live worker runs this job. */
function isRun(world: World, record: JobRecord): boolean {
  const key = record.claim?.key;
  return record.lease?.owned === true && key !== undefined && world.workers.some((worker) => worker.runs(key));
}
