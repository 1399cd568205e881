import { Redis, type RedisOptions } from "ioredis";
import { checkWhole, invalid } from "../arguments.js";
import type { JobStoreDriver } from "../driver.js";
import { Bell } from "./bell.js";
import { BlockingReader } from "./blocking-reader.js";
import { Connection, Line } from "./connection.js";
import { keysUnder } from "./keys.js";
import { RedisLog } from "./redis-log.js";
import { RedisOutbox } from "./redis-outbox.js";
import { RedisStorage } from "./redis-storage.js";
import { Server } from "./server.js";

/** Options of ioredis; replies stay in the mapping that this driver reads. */
export type ConnectionOptions = RedisOptions & { replyMapping?: "legacy" };

export type RedisDriverOptions = (
  | {
      /** `redis://` or `rediss://` */
      readonly url: string;
      /** Further options of ioredis (TLS, say). What bounds a call in time is the driver's. */
      readonly redis?: ConnectionOptions | undefined;
    }
  /** The caller's own: duplicated with the options that keep calls bounded; only the duplicates are closed. */
  | { readonly client: Redis }
) & {
  /**
   * Put before every key. One definition per prefix: its name and statuses are recorded there, and a store that does
   * not fit is refused at its first call (INVALID_ARGUMENT, naming both).
   * @default "" : a job is the string at `job:<id>`, and nothing else lives under `job:`
   */
  readonly keyPrefix?: string | undefined;
  /** No call takes longer, whatever the server does; 10–600,000 ms. @default 2000 */
  readonly timeoutMs?: number | undefined;
  /** Events kept for `watch`, at least; 1–10,000,000. A watcher that was away for longer gets `resync`. @default 10_000 */
  readonly eventLogLength?: number | undefined;
};

/**
 * Jobs in one Redis, 6.2 or later. Each store opened over the driver has its own connection, which comes back by itself
 * whenever it is lost.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function redisDriver(options: RedisDriverOptions): JobStoreDriver {
  const connect = connector(options);
  const timeoutMs = checkWhole(options.timeoutMs ?? 2000, "timeoutMs", 10, 600_000);
  const eventLogLength = checkWhole(options.eventLogLength ?? 10_000, "eventLogLength", 1, 10_000_000);
  const keyPrefix = options.keyPrefix ?? "";
  if (typeof keyPrefix !== "string") invalid("keyPrefix must be a string.");
  const keys = keysUnder(keyPrefix);
  return {
    name: "redis",
    open: (shape) => {
      const line = new Line(connect({ ...BOUNDED, socketTimeout: timeoutMs }), shape.emit);
      const connection = new Connection(line, keys.map, timeoutMs);
      const server = new Server(connection, keys, shape);
      const blocking = () => new BlockingReader(() => silenced(connect({ ...BOUNDED, enableOfflineQueue: true })));
      const bell = new Bell(blocking(), keys.outbox);
      const log = new RedisLog(server, blocking());
      return new RedisStorage(server, shape, { outbox: new RedisOutbox(server, bell), log, eventLogLength }, () => {
        bell.close();
        log.close();
        line.close();
      });
    },
  };
}

/**
 * What makes ioredis leave waiting and repeating to us, instead of hanging or sending a command twice; each was
 * measured (docs/decisions/0002).
 */
const BOUNDED: ConnectionOptions = {
  lazyConnect: false,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  // It asks INFO, which a user need not be allowed; and a server that still loads had better say so to each call.
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  keepAlive: 5000,
  noDelay: true,
  replyMapping: "legacy",
  retryStrategy: (times) => Math.random() * Math.min(50 * 2 ** times, 1000) + 20,
  // A replica that became one while we were connected: find the new master, and let our own retry repeat the call.
  reconnectOnError: (error) => (error.message.includes("READONLY") ? 1 : false),
};

function connector(options: RedisDriverOptions): (bounds: ConnectionOptions) => Redis {
  if ("client" in options && options.client !== undefined) {
    const { client } = options;
    if (typeof client?.duplicate !== "function") return invalid("client must be a Redis of ioredis.");
    return (bounds) => client.duplicate(bounds);
  }
  if (!("url" in options) || typeof options.url !== "string" || !/^rediss?:\/\//.test(options.url)) {
    return invalid("redisDriver needs a url that begins with redis:// or rediss://, or a client of ioredis.");
  }
  const { url, redis = {} } = options;
  return (bounds) => new Redis(url, { ...redis, ...bounds });
}

/** Faults of the waking connection are nobody's news: the main one has the same and reports them. */
function silenced(client: Redis): Redis {
  return client.on("error", () => {});
}
