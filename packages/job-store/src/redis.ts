export type { ClusterConnectionOptions, ConnectionOptions, RedisDriverOptions } from "./lib/redis/options.js";
export { type RedisPermissions, redisPermissions } from "./lib/redis/permissions.js";
export { redisDriver } from "./lib/redis/redis-driver.js";
