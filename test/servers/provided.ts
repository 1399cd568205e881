/** Server or browser that the global set-up provides to the test processes. */
export interface ProvidedServer {
  readonly url: string | null;
  /** Reason why there is none; null if there is one. */
  readonly reason: string | null;
}

declare module "vitest" {
  interface ProvidedContext {
    redis: ProvidedServer;
    rabbitmq: ProvidedServer;
    /** Browser that the tests of the page share. `url`: address at which Playwright connects to it. */
    chromium: ProvidedServer;
    /** `redis.url`. */
    redisUrl: string | null;
    /** `rabbitmq.url`. */
    rabbitmqUrl: string | null;
    /** Prefix of every key and queue name of this run. Other programs may use the servers, too. */
    testPrefix: string;
  }
}
