import type { StoreShape } from "../driver.js";
import { unavailable } from "../errors.js";
import type { Code, CodeMap } from "./code-map.js";
import { reasonOf, WrongType } from "./faults.js";
import { indexKeys } from "./keys.js";
import { type Carrier, Lane, Outdated } from "./lane.js";
import type { Budget } from "./line.js";
import { type Change, Mutation } from "./mutation.js";
import { statusLines } from "./record-text.js";
import type { Replicas } from "./replicas.js";
import { anyChange, changesOf, evaluate, type Script } from "./scripts.js";
import type { Server } from "./server.js";
import type { SurplusTrimmer } from "./surplus-trimmer.js";
import type { Trimmer } from "./trimmer.js";
import type { Argument, Outcome, Verb } from "./verbs.js";

/** A status as the scripts know it, and from where it may be entered. */
interface Entry {
  readonly status: string;
  readonly sources: readonly string[] | undefined;
  readonly code: Code;
}

/** For mutations that enter no status. */
const NO_CODE: Code = { code: -1, status: "", ttlMs: 0 };

/** Changes of jobs: one script for those that travel together. */
export class Mutations implements Carrier<Change> {
  readonly smallest = 16;
  readonly #server: Server;
  readonly #shape: StoreShape;
  readonly #eventLogLength: number;
  readonly #trimmer: Trimmer;
  readonly #surplus: SurplusTrimmer;
  readonly #replicas: Replicas | null;
  readonly #lane: Lane<Change>;
  readonly #fixedKeys: readonly string[];
  readonly #finals: string;
  readonly #sourceLines = new Map<readonly string[], string>();
  /** The connection whose server knows the script for all kinds; and of those for one kind, whether it knows them yet. */
  #known: { readonly generation: number; readonly scripts: Map<Script, boolean> } = {
    generation: -1,
    scripts: new Map(),
  };

  constructor(
    server: Server,
    shape: StoreShape,
    parts: {
      readonly eventLogLength: number;
      readonly trimmer: Trimmer;
      readonly surplus: SurplusTrimmer;
      readonly replicas: Replicas | null;
    },
  ) {
    const { keys, connection } = server;
    this.#server = server;
    this.#shape = shape;
    this.#eventLogLength = parts.eventLogLength;
    this.#trimmer = parts.trimmer;
    this.#surplus = parts.surplus;
    this.#replicas = parts.replicas;
    this.#fixedKeys = [...indexKeys(keys), keys.events, keys.outbox, keys.removals];
    this.#finals = statusLines(shape.finalStatuses);
    this.#lane = new Lane(this, connection);
  }

  run<S, R>(verb: Verb<S, R>, subject: S): Promise<R> {
    const mutation = new Mutation(verb, subject);
    this.#lane.add(mutation);
    return mutation.promise;
  }

  get isReady(): boolean {
    const { connection, knownMap, isPermitted } = this.#server;
    return (
      connection.isReady && knownMap !== undefined && isPermitted && this.#known.generation === connection.generation
    );
  }

  async prepare(budget: Budget): Promise<void> {
    const { connection } = this.#server;
    await this.#server.untilReady(budget);
    await this.#server.map(budget);
    await this.#server.permit(budget);
    const { generation } = connection;
    if (this.#known.generation === generation) return;
    const replicas = this.#replicas;
    if (replicas !== null) await this.#server.read((client) => replicas.try(client), budget);
    // The server knows a script before its first batch: sent again by its text, one could be overtaken by the next.
    await this.#load(anyChange, budget);
    this.#known = { generation, scripts: new Map() };
  }

  #load({ source }: Script, budget: Budget): Promise<unknown> {
    const keys = this.#fixedKeys;
    return this.#server.read((client) => client.eval(source, keys.length, ...keys, "", 0), budget);
  }

  async send(batch: readonly Change[]): Promise<void> {
    const { connection, knownMap } = this.#server;
    const [first] = batch;
    if (first === undefined || knownMap === undefined) throw new Outdated("the map is not known");
    const entries: Entry[] = [];
    const places = batch.map((mutation) => placeOf(mutation, entries, knownMap));
    const keys = this.#fixedKeys.slice();
    for (const { id } of batch) keys.push(this.#server.keys.job(id));
    const repeated = first.doubtful || connection.repeatsByItself;
    const creating = batch.every(({ verb }) => verb === "create");
    const args = this.#header(knownMap, connection.deadline(first.end), { repeated, creating }, entries);
    for (const [n, mutation] of batch.entries()) mutation.write(args, `${places[n]}`);

    const answered = connection.once((client) => evaluate(client, this.#scriptFor(batch), keys, args));
    for (const [n, { status }] of entries.entries()) {
      this.#surplus.sent(status, places.filter((place) => place === n + 1).length);
    }
    const reply = (await answered) as unknown[];
    if (reply[0] === "late") {
      connection.doubtClock();
      throw new Outdated("the deadline passed on the way");
    }
    if (reply[0] === "stale") {
      this.#server.forget(knownMap);
      throw new Outdated("the map of the store keeps changing");
    }
    this.#server.accepted();
    const shortage = (await this.#replicas?.confirm(first.end, repeated)) ?? null;
    const { historyLimit } = this.#shape;
    for (const [n, mutation] of batch.entries()) {
      const outcome: Outcome = [reply[2 * n + 1] as string, reply[2 * n + 2]];
      if (shortage !== null) mutation.reject(unavailable(shortage, true));
      else mutation.answer(outcome, entries[(places[n] ?? 0) - 1]?.code ?? NO_CODE, historyLimit);
      if (mutation.enters !== null) this.#surplus.entered(mutation.enters);
    }
    this.#trimmer.trimSoon();
    this.#expectMore(batch);
  }

  async explain(error: unknown, mutation: Change): Promise<unknown> {
    if (mutation.enters !== null) this.#surplus.entered(mutation.enters);
    // A permission that was taken away: nobody knows how far the script came.
    mutation.doubtful ||= this.#server.isDenialMidway(error);
    const named = await this.#server.name(error, mutation);
    return named instanceof WrongType ? new Error(reasonOf(error)) : named;
  }

  /** Until the server knows the one for its kind, the one for all kinds does: nobody waits for that. */
  #scriptFor(batch: readonly Change[]): Script {
    const script = kindOf(batch);
    return script !== undefined && this.#known.scripts.get(script) === true ? script : anyChange;
  }

  /** Has the server know the script for calls like these, which will not be the last ones. */
  #expectMore(batch: readonly Change[]): void {
    const script = kindOf(batch);
    const { scripts } = this.#known;
    if (script === undefined || scripts.has(script)) return;
    scripts.set(script, false);
    // What fails here, the next call meets as well.
    this.#load(script, this.#server.connection.budget()).then(
      () => scripts.set(script, true),
      () => scripts.delete(script),
    );
  }

  /** What lua/batch.lua takes first. */
  #header(
    map: CodeMap,
    deadline: number,
    { repeated, creating }: { readonly repeated: boolean; readonly creating: boolean },
    entries: readonly Entry[],
  ): Argument[] {
    const { historyLimit, maxRecordBytes } = this.#shape;
    // Lua counts bytes.
    const idAt = Buffer.byteLength(this.#server.keys.job("")) + 1;
    const args: Argument[] = [
      ...[map.edition, deadline, repeated ? 1 : 0, this.#eventLogLength, historyLimit, maxRecordBytes, idAt],
      ...[this.#finals, creating ? 1 : 0, entries.length],
    ];
    for (const [n, { status, sources, code }] of entries.entries()) {
      const base = code.code * 2 ** 42;
      args.push(n + 1, JSON.stringify(status), base, code.ttlMs, sources === undefined ? "" : this.#linesOf(sources));
    }
    return args;
  }

  /** A store has few such lists, the same ones again and again. */
  #linesOf(sources: readonly string[]): string {
    let lines = this.#sourceLines.get(sources);
    if (lines === undefined) {
      lines = statusLines(sources);
      this.#sourceLines.set(sources, lines);
    }
    return lines;
  }
}

/** The script for calls of one kind, where these are. */
function kindOf(batch: readonly Change[]): Script | undefined {
  const verb = batch[0]?.verb ?? "";
  return batch.every((change) => change.verb === verb) ? changesOf[verb] : undefined;
}

/** Which of the batch's statuses a mutation enters, counted from 1; 0: none. */
function placeOf({ enters, sources }: Change, entries: Entry[], map: CodeMap): number {
  if (enters === null) return 0;
  const known = entries.findIndex((entry) => entry.status === enters && entry.sources === sources);
  if (known !== -1) return known + 1;
  return entries.push({ status: enters, sources, code: map.own.get(enters) ?? NO_CODE });
}
