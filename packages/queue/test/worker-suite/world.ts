import { createJobStore, type Job, type JobStore, type JobStoreOptions, type StoreConfig } from "@subtitles/job-store";
import { memoryDriver as memoryStoreDriver } from "@subtitles/job-store/memory";
import { vi } from "vitest";
import {
  type Broker,
  createBroker,
  createRelay,
  type Delivery,
  type Driver,
  message,
  type Session,
} from "../../src/index.js";
import { memoryDriver } from "../../src/memory.js";
import { createWorker, type Outcome, type Worker, type WorkerContext, type WorkerEvent } from "../../src/worker.js";
import { encodings, type Films, films, renderings } from "./films.js";

export { encodings, type Films, films, renderings } from "./films.js";

export const HEARTBEAT_MS = 3_000;
export const LEASE_MS = 5 * HEARTBEAT_MS;

/** Call of `run` that the test ends. */
export interface Run {
  readonly job: Job<Films, "rendering">;
  readonly context: WorkerContext<Films, typeof renderings>;
  finish(outcome: Outcome<Films, "rendering">): void;
  /** Ends the run with any value, as a caller without types can. */
  finishWith(outcome: unknown): void;
  fail(error: unknown): void;
}

type WorkerOptions = Parameters<typeof createWorker<Films, typeof renderings, "rendering">>[0];
/** Options of a worker. Its queue can have another payload, if that has a `jobId`. */
type Options = Partial<Omit<WorkerOptions, "queue">> & { readonly queue?: typeof renderings | undefined };

/** Process with a worker, a store and a broker of its own. */
export interface WorkerProcess {
  readonly worker: Worker;
  readonly store: JobStore<Films>;
  readonly broker: Broker;
  readonly events: WorkerEvent[];
  /** Calls of `run` in the order of their start. */
  readonly runs: Run[];
  /** Returns the latest call of `run`. */
  readonly run: Run;
  /** Blocks the process: its calls to the store wait until `wake`. */
  block(): void;
  wake(): void;
  /** Ends the process without any notice. */
  crash(): Promise<void>;
  /** Returns the types of the events, without "started". */
  eventTypes(): string[];
}

/** Store and broker that several processes share, with a relay. */
export interface World {
  readonly store: JobStore<Films>;
  /** Faults of the servers. */
  readonly storeFaults: Pick<ReturnType<typeof memoryStoreDriver>["faults"], "goAway" | "comeBack" | "loseReplies">;
  readonly brokerFaults: Pick<ReturnType<typeof memoryDriver>["faults"], "goAway" | "comeBack" | "dropConnections">;
  readonly broker: ReturnType<typeof createBroker>;
  /** Opens another store of the same jobs. Its definition can differ in schemas, time limits and sent messages. */
  open(options: Partial<JobStoreOptions<Films>>): JobStore<Films>;
  /** Starts a process. Without a `run`, the test ends each run. */
  start(options?: Options): WorkerProcess;
  /** Creates a job, perhaps of a studio, and requests it. */
  request(id: string, studio?: string): Promise<void>;
  /** Publishes a message that names a job, without an origin. */
  publish(jobId: string, messageId?: string): Promise<void>;
  stopRelay(): Promise<void>;
  startRelay(): void;
  /** Dead-letters the next message of the queue, as the broker itself does. No worker may consume the queue. */
  deadLetterByBroker(): Promise<void>;
  /** Returns the number of messages in the queue, in all states together. */
  messages(): Promise<number>;
  /** Reports to all processes that the server of the store was restarted. The caller removes what it has lost. */
  restartStore(): void;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** Lets time pass until the condition holds, at most `limitMs`. */
  until(condition: () => boolean | Promise<boolean>, limitMs?: number): Promise<void>;
  status(id: string): Promise<string | undefined>;
  /** Starts a worker and waits until it runs the job "a", which `request` creates. */
  startRunning(options?: Options): Promise<WorkerProcess>;
  /** Lets time pass until no message is left in the outbox and in the queue. Messages of leases are not counted. */
  settled(): Promise<void>;
  end(): Promise<void>;
}

/** Declares a test that has a world of its own. */
export type Case = (name: string, run: (world: World) => Promise<void>) => void;

/** Returns the message that requests a job. */
export function requestOf(jobId: string) {
  return message(renderings, { jobId });
}

/** Servers of a world, and its time. */
export interface Servers {
  openStore(options?: Partial<JobStoreOptions<Films>>): JobStore<Films>;
  readonly brokerDriver: Driver;
  readonly storeFaults: World["storeFaults"];
  readonly brokerFaults: World["brokerFaults"];
  readonly restartStore: World["restartStore"];
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** Lets time pass until the condition holds, at most `limitMs`. */
  until(condition: () => boolean | Promise<boolean>, limitMs: number): Promise<void>;
  /** Returns the number of messages in the queue, in all states together. */
  messages(broker: Broker): Promise<number>;
  /** Dead-letters the next message of the queue, as the broker itself does. */
  deadLetterByBroker(broker: Broker): Promise<void>;
}

/** Creates a world on the memory drivers. It needs fake timers. */
export function memoryWorld(): World {
  const storeDriver = memoryStoreDriver();
  const brokerDriver = memoryDriver({ timeoutMs: 2_000 });
  const pass = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
  };
  const emits: StoreConfig["emit"][] = [];
  const open = (config: StoreConfig) => {
    emits.push(config.emit);
    return storeDriver.open(config);
  };
  const until: Servers["until"] = async (condition, limitMs) => {
    for (let passed = 0; !(await condition()); passed += 10) {
      if (passed > limitMs) throw new Error(`The condition does not hold after ${limitMs} ms: ${condition}`);
      await pass(10);
    }
  };
  // memoryDriver returns the public part of a driver, and `open` belongs to the other part.
  const driver = brokerDriver as unknown as Driver;
  return createWorld({
    openStore: (options = {}) => createJobStore({ job: films, driver: { ...storeDriver, open }, ...options }),
    brokerDriver: driver,
    storeFaults: storeDriver.faults,
    brokerFaults: brokerDriver.faults,
    restartStore: () => {
      for (const emit of emits) emit({ type: "restarted", message: "The server was restarted." });
    },
    pass,
    until,
    deadLetterByBroker: () => deadLetterNext(driver, until),
    messages: async (broker) => {
      const { ready, unacked, delayed, dead } = await broker.stats(renderings);
      return ready + (unacked ?? 0) + delayed + dead;
    },
  });
}

/** Moves the next message of the queue to its dead letters, with the mark of a message that the broker dead-lettered. */
async function deadLetterNext({ open }: Driver, until: Servers["until"]): Promise<void> {
  const session = open(
    () => {},
    () => {},
    () => {},
  );
  const death = {
    reason: "RabbitMQ dead-lettered the message: delivery_limit.",
    at: Date.now(),
    byBroker: true,
  } as const;
  let moved = 0;
  const receive = async (delivery: Delivery) => {
    await session.publish(renderings, { ...delivery.envelope, death }, "dead");
    delivery.settle("ack");
    moved++;
  };
  const subscriber = {
    late: "release",
    receive: (delivery: Delivery) => void receive(delivery),
    resumed: () => {},
  } as const;
  await session.consume(renderings, subscriber, { prefetch: 1 });
  await until(() => moved === 1, 120_000);
  await session.close(0);
}

/** Creates a world on servers. */
export function createWorld(servers: Servers): World {
  const { openStore, brokerDriver, pass } = servers;
  const store = openStore();
  const broker = createBroker({ driver: brokerDriver });
  const { open: openSession } = brokerDriver;
  const closers: (() => Promise<unknown>)[] = [];
  let relay: ReturnType<typeof createRelay> | null = null;

  const startRelay = () => {
    relay = createRelay({ outbox: store.outbox, broker, queues: [renderings, encodings] });
  };
  const stopRelay = async () => {
    const closing = relay?.close();
    relay = null;
    await pass(20);
    await closing;
  };
  const until = (condition: () => boolean | Promise<boolean>, limitMs = 120_000) => servers.until(condition, limitMs);

  const start = (options: Options = {}): WorkerProcess => {
    const gate = createGate();
    const own = gate.wrap(openStore());
    const sessions: Session[] = [];
    const driver: Driver = {
      name: brokerDriver.name,
      open: (...args) => {
        const session = openSession(...args);
        sessions.push(session);
        return session;
      },
    };
    const events: WorkerEvent[] = [];
    const runs: Run[] = [];
    const ownBroker = createBroker({ driver });
    const worker = createWorker({
      store: own,
      broker: ownBroker,
      from: ["pending", "waiting"],
      working: "rendering",
      heartbeatMs: HEARTBEAT_MS,
      onEvent: (event) => events.push(event),
      run: (job, context) =>
        new Promise((resolve, reject) => {
          runs.push({ job, context, finish: resolve, finishWith: (value) => resolve(value as never), fail: reject });
        }),
      ...options,
      queue: options.queue ?? renderings,
    });
    let crashed = false;
    closers.push(async () => {
      if (!crashed) await worker.close({ graceMs: 0 });
      if (!crashed) await ownBroker.close({ graceMs: 0 });
    });
    return {
      worker,
      store: own,
      broker: ownBroker,
      events,
      runs,
      get run() {
        const last = runs.at(-1);
        if (last === undefined) throw new Error("No run has started.");
        return last;
      },
      block: gate.close,
      wake: gate.open,
      crash: async () => {
        crashed = true;
        gate.close();
        for (const session of sessions) await session.close(0);
      },
      eventTypes: () => events.map(({ type }) => type).filter((type) => type !== "started"),
    };
  };

  const messages = () => servers.messages(broker);
  const request = async (id: string, studio?: string) => {
    await store.create({ title: id, ...(studio !== undefined && { studio }) }, { id, outbox: [requestOf(id)] });
  };

  startRelay();
  return {
    store,
    broker,
    storeFaults: servers.storeFaults,
    brokerFaults: servers.brokerFaults,
    open: (options) => {
      const opened = openStore(options);
      closers.push(() => opened.close());
      return opened;
    },
    start,
    request,
    publish: async (jobId, messageId) => {
      await broker.publish(renderings, { jobId }, messageId === undefined ? {} : { id: messageId });
    },
    deadLetterByBroker: () => servers.deadLetterByBroker(broker),
    startRelay,
    stopRelay,
    restartStore: servers.restartStore,
    messages,
    pass,
    until,
    status: async (id) => (await store.get(id))?.status,
    startRunning: async (options) => {
      const worker = start(options);
      await request("a");
      await until(() => worker.runs.length === 1);
      return worker;
    },
    settled: () => until(async () => (await messages()) === 0 && (await store.outbox.depth()) === 0),
    end: async () => {
      const ended = (async () => {
        for (const close of closers) await close();
        await relay?.close();
        await broker.close({ graceMs: 0 });
        await store.close();
      })();
      await pass(20_000);
      await ended;
    },
  };
}

/** Gate that lets calls of a store wait. */
function createGate() {
  let closed: Promise<void> | null = null;
  let open: () => void = () => {};
  const methods: ReadonlySet<string | symbol> = new Set([
    "claim",
    "updateStatus",
    "updateProgress",
    "renewLeases",
    "announceWorker",
    "failRequest",
    "get",
  ]);
  return {
    close: () => {
      closed = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => {
      closed = null;
      open();
    },
    wrap: <S extends object>(store: S): S =>
      new Proxy(store, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          if (!methods.has(name)) return value.bind(target);
          return async (...args: unknown[]) => {
            if (closed !== null) await closed;
            return Reflect.apply(value, target, args);
          };
        },
      }),
  };
}
