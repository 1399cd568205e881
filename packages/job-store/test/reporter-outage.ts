import { type JobStorage, type JobStoreDriver, JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

/** Outcome of a call: applied with a reply; not applied; applied or not applied, with a lost reply. */
export type Fate = "answered" | "refused" | "lost after" | "lost before";

/** Functions that return the job's id from the first argument, for each method on one job. */
const ID_OF = {
  create: ({ id }: { id: string }) => id,
  save: ({ id }: { id: string }) => id,
  read: ([id]: readonly string[]) => id ?? "",
  updateStatus: ({ target }: { target: { id: string } }) => target.id,
  updateProgress: ({ id }: { id: string }) => id,
  delete: ({ id }: { id: string }) => id,
} satisfies { readonly [M in keyof JobStorage]?: unknown };

/** Method of a storage on one job. */
export type Method = keyof typeof ID_OF;

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** Driver whose calls fail like those of a driver with an unavailable server. It keeps its jobs. */
export class Outage {
  readonly driver: JobStoreDriver;
  /** Decides the outcome of each call on a job. All other calls, for example lists and the outbox, succeed. */
  fate: (method: Method, id: string) => Fate | Promise<Fate> = () => "answered";
  /** Names of all calls so far. */
  readonly calls: Method[] = [];

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
  once(method: Method, fate: Fate): void {
    this.fate = (called) => {
      if (called !== method) return "answered";
      this.end();
      return fate;
    };
  }

  #wrap(storage: JobStorage): JobStorage {
    return new Proxy(storage, {
      get: (target, name: string) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        const call: Call = member.bind(target);
        return isMethod(name) ? this.#through(name, call) : call;
      },
    });
  }

  #through(method: Method, call: Call): Call {
    return async (...args) => {
      this.calls.push(method);
      const decided = this.fate(method, ID_OF[method](args[0] as never));
      const fate = typeof decided === "string" ? decided : await decided;
      if (fate === "answered" || fate === "lost after") {
        const answer = await call(...args);
        if (fate === "answered") return answer;
      }
      throw new JobStoreError("UNAVAILABLE", "The outage of this test.", { indeterminate: fate !== "refused" });
    };
  }
}

function isMethod(name: string): name is Method {
  return Object.hasOwn(ID_OF, name);
}
