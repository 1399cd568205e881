import { type JobStorage, type JobStoreDriver, JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

/** What becomes of a call: carried out and answered; not carried out; either, but its answer is lost. */
export type Fate = "answered" | "refused" | "lost after" | "lost before";

/** The calls on one job, and where their first argument names it. */
const ID_OF: Readonly<Record<string, (first: never) => string>> = {
  insert: ({ id }: { id: string }) => id,
  replace: ({ id }: { id: string }) => id,
  read: ([id]: readonly string[]) => id ?? "",
  move: ({ target }: { target: { id: string } }) => target.id,
  recordProgress: ({ id }: { id: string }) => id,
  remove: ({ id }: { id: string }) => id,
};

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** A driver whose calls fail as those of a real one do while its server is away. The jobs behind it stay. */
export class Outage {
  readonly driver: JobStoreDriver;
  /** Decides for each call on a job; the outbox, lists and the rest always answer. */
  fate: (verb: string, id: string) => Fate | Promise<Fate> = () => "answered";
  /** The calls so far, by name. */
  readonly calls: string[] = [];

  constructor(behind: JobStoreDriver = memoryDriver()) {
    this.driver = { ...behind, name: "interrupted", open: (shape) => this.#wrap(behind.open(shape)) };
  }

  begin(fate: Fate = "refused"): void {
    this.fate = () => fate;
  }

  end(): void {
    this.fate = () => "answered";
  }

  /** The next call of this name meets this fate, all others are answered. */
  once(verb: string, fate: Fate): void {
    this.fate = (called) => {
      if (called !== verb) return "answered";
      this.end();
      return fate;
    };
  }

  #wrap(storage: JobStorage): JobStorage {
    return new Proxy(storage, {
      get: (target, verb: string) => {
        const member: unknown = Reflect.get(target, verb, target);
        if (typeof member !== "function") return member;
        const call: Call = member.bind(target);
        const idOf = ID_OF[verb];
        return idOf === undefined ? call : this.#through(verb, idOf, call);
      },
    });
  }

  #through(verb: string, idOf: (first: never) => string, call: Call): Call {
    return async (...args) => {
      this.calls.push(verb);
      const decided = this.fate(verb, idOf(args[0] as never));
      const fate = typeof decided === "string" ? decided : await decided;
      if (fate === "answered" || fate === "lost after") {
        const answer = await call(...args);
        if (fate === "answered") return answer;
      }
      throw new JobStoreError("UNAVAILABLE", "The outage of this test.", { indeterminate: fate !== "refused" });
    };
  }
}
