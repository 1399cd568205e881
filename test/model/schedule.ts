import { type Action, possibleActions } from "./actions.js";
import { type Invariant, Violation } from "./invariants.js";
import type { Preset } from "./presets.js";
import type { Rules } from "./rules.js";
import { isFinal } from "./types.js";
import { World } from "./world.js";

/** Result of a schedule. `trace` has a label for each action until the faults ended. */
export interface Result {
  readonly violation: Violation | null;
  readonly trace: readonly string[];
  /** Trace of the part without faults. */
  readonly end: readonly string[];
}

/** Number of actions after which a schedule without faults is considered endless. */
const ENDLESS = 1_500;
/** Number of actions after which a schedule without a relay ends. */
const LONG_WITHOUT_RELAY = 400;
/** Messages that users publish at the end for jobs that wait for an event. */
const EVENTS = 4;

/** Runs a random schedule, and then lets the system finish without faults. */
function runRandom(preset: Preset, rules: Rules, seed: number): Result {
  const random = randomNumbers(seed);
  return run(preset, rules, (world, perform) => {
    let faults = 0;
    let users = 0;
    for (let step = 0; step < preset.steps; step++) {
      const allowed = { faults: faults < preset.maxFaults, users: users < preset.maxUserActions };
      const action = choose(possibleActions(world, allowed), random);
      if (action === undefined) return;
      if (action.kind === "fault") faults++;
      if (action.kind === "user") users++;
      perform(action);
    }
  });
}

/**
 * Runs the actions with these labels, and then lets the system finish without faults. Actions that are not possible are an error, or with `lenient`
 * left out.
 */
export function runScript(preset: Preset, rules: Rules, script: readonly string[], lenient = false): Result {
  return run(preset, rules, (world, perform) => {
    for (const label of script) {
      const actions = possibleActions(world, { faults: true, users: true });
      const action = actions.find((candidate) => candidate.label === label);
      if (action !== undefined) perform(action);
      else if (!lenient)
        throw new Error(`"${label}" is not possible. Possible:\n${actions.map((one) => one.label).join("\n")}`);
    }
  });
}

/** Removes actions from a trace as long as the same invariant is violated. */
export function shrink(
  preset: Preset,
  rules: Rules,
  trace: readonly string[],
  invariant: Invariant,
): readonly string[] {
  let script = trace;
  for (let size = Math.max(1, script.length >> 1); size >= 1; size >>= 1) {
    for (let start = 0; start + size <= script.length; ) {
      const shorter = [...script.slice(0, start), ...script.slice(start + size)];
      const result = runScript(preset, rules, shorter, true);
      if (result.violation?.invariant !== invariant) start += size;
      else {
        script = result.trace;
        start = 0;
      }
    }
  }
  return script;
}

/** Result of many schedules of one preset. */
export interface Search {
  readonly schedules: number;
  /** First violation of each invariant, with the seed of its schedule. */
  readonly found: ReadonlyMap<Invariant, { readonly seed: number; readonly result: Result; readonly count: number }>;
}

/** Runs schedules with the seeds from `first`. With `stop`, ends at the first violation. */
export function search(preset: Preset, rules: Rules, first: number, schedules: number, stop: boolean): Search {
  const found = new Map<Invariant, { seed: number; result: Result; count: number }>();
  for (let seed = first; seed < first + schedules; seed++) {
    const result = runRandom(preset, rules, seed);
    if (result.violation === null) continue;
    const { invariant } = result.violation;
    const earlier = found.get(invariant);
    found.set(invariant, earlier === undefined ? { seed, result, count: 1 } : { ...earlier, count: earlier.count + 1 });
    if (stop) return { schedules: seed - first + 1, found };
  }
  return { schedules, found };
}

type Perform = (action: Action) => void;

function run(preset: Preset, rules: Rules, begin: (world: World, perform: Perform) => void): Result {
  const world = new World(preset, rules);
  const trace: string[] = [];
  const end: string[] = [];
  const performIn = (labels: string[]) => (action: Action) => {
    labels.push(action.label);
    world.ledger.step++;
    world.remember();
    action.perform();
  };
  try {
    begin(world, performIn(trace));
    finish(world, performIn(end));
    return { violation: null, trace, end };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { violation: error, trace, end };
  }
}

/** Lets the system finish without faults: every run succeeds. Then checks that nothing is left. */
function finish(world: World, perform: Perform): void {
  let events = 0;
  for (let step = 0; ; step++) {
    if (step > ENDLESS) throw new Violation("I5", "the schedule does not end");
    const actions = possibleActions(world, { faults: false, users: false });
    const success = (action: Action) => action.kind === "outcome" && action.label.endsWith(" done");
    const action =
      actions.find((candidate) => candidate.kind === "progress" || success(candidate)) ??
      actions.find(({ kind }) => kind === "outcome") ??
      actions[0];
    const isOver = action?.kind === "time" && world.preset.endsWithoutRelay && step > LONG_WITHOUT_RELAY;
    if (action !== undefined && !isOver) {
      perform(action);
      continue;
    }
    checkAnswers(world);
    if (events++ >= EVENTS || !publishEvent(world)) break;
  }
  for (const { id, status, version, facts } of world.records) {
    if (isFinal(status) || facts.excused) continue;
    world.ledger.violated("I5", `${id} remains in ${status} at version ${version}`);
  }
}

function checkAnswers(world: World): void {
  if (world.preset.endsWithoutRelay) return;
  for (const store of world.stores) {
    for (const record of store.records) {
      const [request] = world.ledger.unanswered(store.name, record);
      if (request === undefined) continue;
      const { name, queue, since } = request;
      const state = `${record.status}, version ${record.version}`;
      world.ledger.violated("I5", `${name} to ${queue} (step ${since}) is never answered; ${record.id}: ${state}`);
    }
  }
}

/** Publishes the event that a waiting job waits for. */
function publishEvent(world: World): boolean {
  for (const store of world.stores) {
    const waiting = store.records.find(({ status }) => status === "waiting");
    const worker = world.workers.find(({ setup }) => setup.store === store.name && setup.from.includes("waiting"));
    if (waiting === undefined || worker === undefined) continue;
    world.publish(worker.setup.queue, store.name, waiting.id);
    return true;
  }
  return false;
}

function choose(actions: readonly Action[], random: () => number): Action | undefined {
  let position = random() * actions.reduce((sum, { weight }) => sum + weight, 0);
  return actions.find(({ weight }) => {
    position -= weight;
    return position < 0;
  });
}

/** Returns a generator of random numbers from 0 to 1 (Mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
