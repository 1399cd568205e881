import { createHash } from "node:crypto";
import { redisDriver } from "@subtitles/job-store/redis";
import { type Command, Redis, type RedisOptions } from "ioredis";
import { type Edit, mutants } from "../mutants.js";
import { type Settings, STORE_TIMEOUT_MS } from "./settings.js";

/** Creates the driver of a client process. With a mutant, it edits scripts and calls `onEdit` for each edited script. */
export function openDriver({ redisUrl, mutant }: Settings, onEdit: () => void) {
  const options = { timeoutMs: STORE_TIMEOUT_MS, eventLogLength: 10_000_000 };
  const edit = mutant === null ? null : mutants[mutant].edit;
  if (edit === null) return redisDriver({ url: redisUrl, ...options });
  return redisDriver({ client: editingClient(redisUrl, edit, onEdit), ...options });
}

/** Creates a client that never connects. The driver connects duplicates of it, and these edit the scripts that they send. */
function editingClient(url: string, { find, replace }: Edit, onEdit: () => void): Redis {
  const hashes = new Map<string, string>();
  const edited = (script: string): string => {
    if (!find.test(script)) return script;
    const result = script.replace(find, replace);
    hashes.set(hashOf(script), hashOf(result));
    onEdit();
    return result;
  };
  const editedArgs = (name: string, args: Command["args"]): Command["args"] => {
    const [first = "", ...rest] = args;
    if (name === "evalsha") return [hashes.get(String(first)) ?? first, ...rest];
    if (name === "eval") return [edited(String(first)), ...rest];
    // Asks for scripts that do not exist, so that the driver loads every script here and it is edited.
    if (name === "script" && first === "EXISTS") return [first, ...rest.map(() => "0".repeat(40))];
    if (name === "script" && first === "LOAD") return [first, ...rest.map((script) => edited(String(script)))];
    return args;
  };
  const duplicate = (options?: RedisOptions) => {
    const client = new Redis(url, { ...options, replyMapping: "legacy" });
    const send = client.sendCommand.bind(client);
    client.sendCommand = (command, stream) => {
      command.args = editedArgs(command.name, command.args);
      return send(command, stream);
    };
    return client;
  };
  // The type of the overridden method depends on options that the driver does not set.
  return Object.assign(new Redis(url, { lazyConnect: true }), { duplicate: duplicate as Redis["duplicate"] });
}

function hashOf(script: string): string {
  return createHash("sha1").update(script).digest("hex");
}
