import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

/** Server that tests can need. */
export type ServerName = "redis" | "rabbitmq";

/** Folders of Debian and Homebrew that contain servers, and that are not in the PATH of an ordinary user. */
const SERVER_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];

/** Returns the full path of a program of this machine, or null. */
export function findBinary(name: string): string | null {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SERVER_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/** Environment variables with the path of a server to run instead of the installed one: another version, or Valkey. */
const programVariables = { redis: "REDIS_SERVER", rabbitmq: "RABBITMQ_SERVER" } as const;

/** Returns the variable that names the program to run for this server, with its value; null if it is not set. */
export function chosenProgram(name: ServerName): { variable: string; path: string } | null {
  const variable = programVariables[name];
  const path = process.env[variable];
  return path ? { variable, path } : null;
}

/** Returns the path of `redis-server`, or null. */
export function findRedis(): string | null {
  return chosenProgram("redis")?.path ?? findBinary("redis-server");
}

/** Returns the paths of the programs that a private RabbitMQ needs, or null. */
export function findRabbitmq(): { server: string; control: string; epmd: string } | null {
  const server = chosenProgram("rabbitmq")?.path ?? installedRabbitmq();
  if (server === null) return null;
  const sibling = (name: string) => join(dirname(server), name);
  const epmd = isExecutable(sibling("epmd")) ? sibling("epmd") : findBinary("epmd");
  return epmd === null ? null : { server, control: sibling("rabbitmqctl"), epmd };
}

/** Returns the path of the installed `rabbitmq-server`, or null. */
function installedRabbitmq(): string | null {
  const onPath = findBinary("rabbitmq-server");
  if (onPath === null) return null;
  // On Debian, this is a wrapper that runs the script as the user "rabbitmq". The script itself is in the folder of the wrapper.
  const target = realpathSync(onPath);
  const script = join(dirname(target), "rabbitmq-server");
  return isExecutable(script) ? script : target;
}

/** Returns true if this machine has the programs for a private instance of the server. */
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
