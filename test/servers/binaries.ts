import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

/** A server that tests may need. */
export type ServerName = "redis" | "rabbitmq";

// Debian and Homebrew keep servers where an ordinary user's PATH does not look.
const elsewhere = ["/usr/local/sbin", "/usr/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];

/** Full path of a program of this machine, or null. */
export function findBinary(name: string): string | null {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...elsewhere];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/** The program that is to stand for `redis-server`, another version of it or Valkey, say; null: none was named. */
export function chosenRedis(): string | null {
  return process.env.REDIS_SERVER || null;
}

/** Path of `redis-server`, or null. */
export function findRedis(): string | null {
  return chosenRedis() ?? findBinary("redis-server");
}

/** Paths of what a private RabbitMQ needs, or null. */
export function findRabbitmq(): { server: string; control: string; epmd: string } | null {
  const onPath = findBinary("rabbitmq-server");
  const epmd = findBinary("epmd");
  if (onPath === null || epmd === null) return null;
  // Debian's is a wrapper that insists on the user "rabbitmq" and stands beside the script we want.
  const target = realpathSync(onPath);
  const beside = (name: string) => join(dirname(target), name);
  const server = isExecutable(beside("rabbitmq-server")) ? beside("rabbitmq-server") : target;
  return { server, control: beside("rabbitmqctl"), epmd };
}

/** Whether private instances of this server can be started here. */
export function canStart(name: ServerName): boolean {
  return (name === "redis" ? findRedis() : findRabbitmq()) !== null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
