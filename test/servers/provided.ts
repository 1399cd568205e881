/** What the global set-up hands to the tests, which run in processes of their own. */
export interface ProvidedServer {
  readonly url: string | null;
  /** Why there is none; null if there is one. */
  readonly reason: string | null;
}

declare module "vitest" {
  interface ProvidedContext {
    redis: ProvidedServer;
    rabbitmq: ProvidedServer;
    /** The browser that the page's tests share: the address at which Playwright controls it. */
    chromium: ProvidedServer;
    /** Same as `redis.url`. */
    redisUrl: string | null;
    /** Same as `rabbitmq.url`. */
    rabbitmqUrl: string | null;
    /** Private to this run: put before every key and queue name. The servers may be someone's. */
    testPrefix: string;
  }
}
