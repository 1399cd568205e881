export type { RedisClient } from "./lib/redis/client.js";
export type { ClusterConnectionOptions, ConnectionOptions } from "./lib/redis/ioredis-options.js";
export type { RedisDriverOptions } from "./lib/redis/options.js";
export { type RedisPermissions, redisPermissions } from "./lib/redis/permissions.js";
export { redisDriver } from "./lib/redis/redis-driver.js";
