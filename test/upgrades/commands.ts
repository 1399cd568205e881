import type { Redis } from "ioredis";

/** Command with its arguments, as bytes. */
export type Command = readonly [name: string, ...args: Buffer[]];

/** Reads all keys of a server, as commands that restore them. */
export async function commandsOf(client: Redis): Promise<readonly Command[]> {
  const commands: Command[] = [];
  for (const key of (await client.keysBuffer("*")).toSorted(Buffer.compare)) {
    commands.push(...(await restoring(client, key)));
    const expiresAt = await client.pexpiretime(key);
    if (expiresAt > 0) commands.push(["PEXPIREAT", key, Buffer.from(`${expiresAt}`)]);
  }
  return commands;
}

async function restoring(client: Redis, key: Buffer): Promise<readonly Command[]> {
  const type = await client.type(key);
  const all = async (...command: readonly [string, ...(string | Buffer)[]]): Promise<readonly Buffer[]> =>
    // Some versions of ioredis return pairs for WITHSCORES.
    ((await client.callBuffer(...command)) as readonly (Buffer | readonly Buffer[])[]).flat();
  switch (type) {
    case "string":
      return [["SET", key, (await client.getBuffer(key)) ?? Buffer.of()]];
    case "list":
      return [["RPUSH", key, ...(await all("LRANGE", key, "0", "-1"))]];
    case "set":
      return [["SADD", key, ...(await all("SMEMBERS", key))]];
    case "hash":
      return pairs(await all("HGETALL", key)).map(([field, value]): Command => ["HSET", key, field, value]);
    case "zset":
      return pairs(await all("ZRANGE", key, "0", "-1", "WITHSCORES")).map(
        ([member, score]): Command => ["ZADD", key, score, member],
      );
    case "stream":
      return streamCommands(client, key);
    case "none":
      // The key has expired since the keys were listed.
      return [];
    default:
      throw new Error(`The key ${key.toString()} has the unknown type ${type}.`);
  }
}

async function streamCommands(client: Redis, key: Buffer): Promise<readonly Command[]> {
  const entries = (await client.callBuffer("XRANGE", key, "-", "+")) as readonly (readonly [Buffer, Buffer[]])[];
  const info = pairs((await client.call("XINFO", "STREAM", key)) as readonly unknown[]);
  const last = info.find(([name]) => name === "last-generated-id")?.[1];
  return [
    ...entries.map(([id, fields]): Command => ["XADD", key, id, ...fields]),
    // Deleted entries can have been newer.
    ["XSETID", key, Buffer.from(String(last))],
  ];
}

function pairs<T>(list: readonly T[]): readonly (readonly [T, T])[] {
  return list.flatMap((first, n) => (n % 2 === 0 ? [[first, list[n + 1] as T] as const] : []));
}

/** Returns a command as a line that `redis-cli` can also read. */
export function toLine([name, ...args]: Command): string {
  return [name, ...args.map(quoted)].join(" ");
}

function quoted(bytes: Buffer): string {
  const text = bytes.toString();
  const isText = Buffer.from(text).equals(bytes);
  if (isText && /^[\w.:{}*-]+$/.test(text)) return text;
  const characters = isText ? [...text] : [...bytes].map((byte) => String.fromCharCode(byte));
  return `"${characters.map((character) => escaped(character, isText)).join("")}"`;
}

function escaped(character: string, isText: boolean): string {
  if (character === "\n") return "\\n";
  if (character === '"' || character === "\\") return `\\${character}`;
  const code = character.codePointAt(0) ?? 0;
  return code < 32 || code === 127 || (!isText && code > 127) ? `\\x${code.toString(16).padStart(2, "0")}` : character;
}

/** Reads a line of `toLine`. */
export function parseLine(line: string): Command {
  const [name = "", ...args] = line.match(/"(?:\\.|[^"\\])*"|[^ ]+/g) ?? [];
  return [name, ...args.map((arg) => (arg.startsWith('"') ? unquoted(arg.slice(1, -1)) : Buffer.from(arg)))];
}

function unquoted(text: string): Buffer {
  const parts = text.match(/\\x[0-9a-f]{2}|\\.|[^\\]+/g) ?? [];
  return Buffer.concat(
    parts.map((part) => {
      if (part === "\\n") return Buffer.from("\n");
      if (part.startsWith("\\x")) return Buffer.of(Number.parseInt(part.slice(2), 16));
      return Buffer.from(part.startsWith("\\") ? part.slice(1) : part);
    }),
  );
}
