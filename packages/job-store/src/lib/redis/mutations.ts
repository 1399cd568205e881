import type { StoreShape } from "../driver.js";
import type { Code, CodeMap } from "./code-map.js";
import { reasonOf, unavailable, WrongType } from "./faults.js";
import { indexKeys } from "./keys.js";
import { Call, type Carrier, Lane, Outdated } from "./lane.js";
import type { Budget } from "./line.js";
import { newOperationId } from "./operation-id.js";
import { statusLines } from "./record-text.js";
import type { Replicas } from "./replicas.js";
import { evaluate, scripts } from "./scripts.js";
import type { Server } from "./server.js";
import type { SurplusTrimmer } from "./surplus-trimmer.js";
import type { Trimmer } from "./trimmer.js";
import type { Argument, Outcome, Verb } from "./verbs.js";

/** A change of one job. It keeps its operation id however often it is sent. */
class Mutation<S, R> extends Call<R> {
  readonly verb: Verb<S, R>;
  readonly subject: S;
  readonly operation = newOperationId();
  readonly enters: string | null;

  constructor(verb: Verb<S, R>, subject: S) {
    super(verb.size(subject));
    this.verb = verb;
    this.subject = subject;
    this.enters = verb.enters?.(subject) ?? null;
  }

  write(args: Argument[], status: number): void {
    args.push(this.verb.name, this.operation);
    this.verb.write(args, this.subject, status);
  }

  answer(outcome: Outcome, code: Code, historyLimit: number): void {
    try {
      this.resolve(this.verb.read(outcome, this.subject, { code, budget: this, historyLimit }));
    } catch (error) {
      this.reject(error);
    }
  }
}

/** Each knows of itself what its subject and its reply are. */
// biome-ignore lint/suspicious/noExplicitAny: a subject goes in and comes out of the same object
type AnyMutation = Mutation<any, any>;

/** A status as the scripts know it, and from where it may be entered. */
interface Entry {
  readonly status: string;
  readonly sources: readonly string[] | undefined;
  readonly code: Code;
}

/** For mutations that enter no status. */
const NO_CODE: Code = { code: -1, status: "", ttlMs: 0 };

/** Changes of jobs: one script for those that travel together. */
export class Mutations implements Carrier<AnyMutation> {
  readonly #server: Server;
  readonly #shape: StoreShape;
  readonly #eventLogLength: number;
  readonly #trimmer: Trimmer;
  readonly #surplus: SurplusTrimmer;
  readonly #replicas: Replicas | null;
  readonly #lane: Lane<AnyMutation>;
  readonly #fixedKeys: readonly string[];
  readonly #finals: string;
  readonly #sourceLines = new Map<readonly string[], string>();
  #loadedOn = -1;

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
    return connection.isReady && knownMap !== undefined && isPermitted && this.#loadedOn === connection.generation;
  }

  async prepare(budget: Budget): Promise<void> {
    const { connection } = this.#server;
    await this.#server.untilReady(budget);
    await this.#server.map(budget);
    await this.#server.permit(budget);
    const { generation } = connection;
    if (this.#loadedOn === generation) return;
    const replicas = this.#replicas;
    if (replicas !== null) await this.#server.read((client) => replicas.try(client), budget);
    // The server knows the script before the first batch: sent again by its text, one could be overtaken by the next.
    await this.#server.read(
      (client) => client.eval(scripts.mutate.source, this.#fixedKeys.length, ...this.#fixedKeys, "", 0),
      budget,
    );
    this.#loadedOn = generation;
  }

  async send(batch: readonly AnyMutation[]): Promise<void> {
    const { connection, knownMap } = this.#server;
    const [first] = batch;
    if (first === undefined || knownMap === undefined) throw new Outdated("the map is not known");
    const entries: Entry[] = [];
    const places = batch.map((mutation) => placeOf(mutation, entries, knownMap));
    const keys = this.#fixedKeys.slice();
    for (const { verb, subject } of batch) keys.push(this.#server.keys.job(verb.id(subject)));
    const repeated = first.doubtful || connection.repeatsByItself;
    const args = this.#header(knownMap, connection.deadline(first.end), repeated, entries);
    for (const [n, mutation] of batch.entries()) mutation.write(args, places[n] ?? 0);

    const answered = connection.once((client) => evaluate(client, scripts.mutate, keys, args));
    for (const [n, { status }] of entries.entries()) {
      this.#surplus.sent(status, places.filter((place) => place === n + 1).length);
    }
    const reply = (await answered) as Outcome;
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
      if (shortage !== null) mutation.reject(unavailable(shortage, true));
      else mutation.answer(reply[n + 1] as Outcome, entries[(places[n] ?? 0) - 1]?.code ?? NO_CODE, historyLimit);
      if (mutation.enters !== null) this.#surplus.entered(mutation.enters);
    }
    this.#trimmer.trimSoon();
  }

  async explain(error: unknown, mutation: AnyMutation): Promise<unknown> {
    if (mutation.enters !== null) this.#surplus.entered(mutation.enters);
    // A permission that was taken away: nobody knows how far the script came.
    mutation.doubtful ||= this.#server.isDenialMidway(error);
    const named = await this.#server.name(error, mutation);
    return named instanceof WrongType ? new Error(reasonOf(error)) : named;
  }

  /** What lua/batch.lua takes first. */
  #header(map: CodeMap, deadline: number, repeated: boolean, entries: readonly Entry[]): Argument[] {
    const { historyLimit, maxRecordBytes } = this.#shape;
    const idAt = this.#server.keys.job("").length + 1;
    const args: Argument[] = [
      ...[map.edition, deadline, repeated ? 1 : 0, this.#eventLogLength, historyLimit, maxRecordBytes, idAt],
      ...[this.#finals, entries.length],
    ];
    for (const { status, sources, code } of entries) {
      args.push(JSON.stringify(status), code.code, code.ttlMs, sources === undefined ? "" : this.#linesOf(sources));
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

/** Which of the batch's statuses a mutation enters, counted from 1; 0: none. */
function placeOf({ verb, subject, enters }: AnyMutation, entries: Entry[], map: CodeMap): number {
  if (enters === null) return 0;
  const sources = verb.sources?.(subject);
  const known = entries.findIndex((entry) => entry.status === enters && entry.sources === sources);
  if (known !== -1) return known + 1;
  return entries.push({ status: enters, sources, code: map.own.get(enters) ?? NO_CODE });
}
