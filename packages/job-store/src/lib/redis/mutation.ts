import { Call, type Waiting } from "./call.js";
import type { Code } from "./code-map.js";
import { newOperationId } from "./operation-id.js";
import type { Argument, Outcome, Verb } from "./verbs.js";

/** What a batch has to know of a change of one job, whatever its subject and its reply are. */
export interface Change extends Waiting {
  readonly verb: string;
  /** Of the job. */
  readonly id: string;
  /** The status that the job enters by it. */
  readonly enters: string | null;
  /** Statuses from which that is legal. */
  readonly sources: readonly string[] | undefined;
  write(args: Argument[], status: string): void;
  answer(outcome: Outcome, code: Code, historyLimit: number): void;
}

/** A change keeps its operation id however often it is sent. */
export class Mutation<S, R> extends Call<R> implements Change {
  readonly verb: string;
  readonly id: string;
  readonly enters: string | null;
  readonly sources: readonly string[] | undefined;
  readonly #operation = newOperationId();
  readonly #verb: Verb<S, R>;
  readonly #subject: S;

  constructor(verb: Verb<S, R>, subject: S) {
    super(verb.size(subject));
    this.verb = verb.name;
    this.id = verb.id(subject);
    this.enters = verb.enters?.(subject) ?? null;
    this.sources = verb.sources?.(subject);
    this.#verb = verb;
    this.#subject = subject;
  }

  /** Adds its part of the arguments. `status`: the name of the status that it enters. */
  write(args: Argument[], status: string): void {
    const own = this.#verb.args(this.#subject, status);
    args.push(this.verb, own.length + 1, this.#operation, ...own);
  }

  /** Settles it. */
  answer(outcome: Outcome, code: Code, historyLimit: number): void {
    try {
      this.resolve(this.#verb.read(outcome, this.#subject, { code, budget: this, historyLimit }));
    } catch (error) {
      this.reject(error);
    }
  }
}
