import { type JobStorage, type JobStoreDriver, JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

/** Outcome of a call: applied with a reply; not applied; applied or not applied, with a lost reply. */
export type Fate = "answered" | "refused" | "lost after" | "lost before";

/** Functions that return the job's id from the first argument, for each method on one job. */
const ID_OF: Readonly<Record<string, (first: never) => string>> = {
  insert: ({ id }: { id: string }) => id,
  replace: ({ id }: { id: string }) => id,
  read: ([id]: readonly string[]) => id ?? "",
  move: ({ target }: { target: { id: string } }) => target.id,
  recordProgress: ({ id }: { id: string }) => id,
  remove: ({ id }: { id: string }) => id,
};

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** Driver whose calls fail like those of a driver with an unavailable server. It keeps its jobs. */
export class Outage {
  readonly driver: JobStoreDriver;
  /** Decides the outcome of each call on a job. All other calls, for example lists and the outbox, succeed. */
  fate: (verb: string, id: string) => Fate | Promise<Fate> = () => "answered";
  /** Names of all calls so far. */
  readonly calls: string[] = [];

  constructor(behind: JobStoreDriver = memoryDriver()) {
    this.driver = { ...behind, name: "interrupted", open: (config) => this.#wrap(behind.open(config)) };
  }

  begin(fate: Fate = "refused"): void {
    this.fate = () => fate;
  }

  end(): void {
    this.fate = () => "answered";
  }

  /** Sets the outcome of the next call of a name. All other calls succeed. */
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
