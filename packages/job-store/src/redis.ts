export { type ConnectionOptions, type RedisDriverOptions, redisDriver } from "./lib/redis/redis-driver.js";
