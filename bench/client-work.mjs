// Measures the CPU time of calls in the client, without a server or the kernel (docs/decisions/0033). The first replies of a
// private redis-server are recorded and replayed into the sockets of ioredis. The calls alternate, and the fastest tenth counts,
// so that other load of the machine hardly affects the result.
// Needs redis-server, and the packages built: npm run build && node bench/client-work.mjs
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { z } from "zod";
import { connect, withRedis } from "./private-redis.mjs";

const PORT = 7943;
const ROUNDS = 1000;
const DATA = { text: "x".repeat(560 - '{"text":""}'.length) };
const MOVES = 33;

const job = defineJob({
  name: "bench",
  data: z.object({ text: z.string() }),
  initial: "pending",
  statuses: { pending: { next: ["downloading"] }, downloading: { next: ["downloading"] }, failed: { next: [] } },
});

await withRedis(PORT, measure);

async function measure(url) {
  const raw = connect(url);
  const auto = connect(url, { enableAutoPipelining: true });
  const client = connect(url);
  const sockets = [raw, auto];
  client.duplicate = (...options) => {
    const own = Redis.prototype.duplicate.apply(client, options);
    sockets.push(own);
    return own;
  };
  const store = createJobStore({ job, driver: redisDriver({ client, timeoutMs: 60_000 }) });
  const ids = Array.from({ length: 64 }, () => crypto.randomUUID());
  await Promise.all(ids.map((id) => store.create(DATA, { id })));
  await Promise.all(ids.map((id) => store.updateStatus(id, "downloading")));
  await store.create(DATA, { id: "long" });
  for (let n = 1; n < MOVES; n++) await store.updateStatus("long", "downloading");
  const keys = ids.map((id) => `raw:${id}`);
  const document = JSON.stringify({ id: ids[0], status: "downloading", ...DATA });
  for (const key of keys) await raw.set(key, document);

  const one = ids[0];
  const page = keys.slice(0, 50);
  const calls = {
    "get, 64 in one event-loop tick": [64, () => Promise.all(ids.map((id) => store.get(id)))],
    "  raw GET, auto-pipelined": [64, () => Promise.all(keys.map((key) => auto.get(key)))],
    get: [1, () => store.get(one)],
    [`get, history of ${Math.min(MOVES, 32)} entries`]: [1, () => store.get("long")],
    "  raw GET": [1, () => raw.get(keys[0])],
    "page of 50": [1, () => store.list({ status: "downloading" })],
    "  raw MGET of 50, JSON.parse": [1, async () => (await raw.mget(page)).map((text) => JSON.parse(text))],
    counts: [1, () => store.counts()],
    create: [1, () => store.create(DATA)],
    updateStatus: [1, () => store.updateStatus(one, "downloading")],
    delete: [1, () => store.delete("gone")],
    "  raw SET": [1, () => raw.set("raw", document)],
  };
  const work = Object.values(calls);
  for (let n = 0; n < 3; n++) for (const [, call] of work) await call();
  for (const { stream } of sockets) replay(stream);
  const times = new Map(Object.keys(calls).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, [count, call]] of Object.entries(calls)) {
      const start = performance.now();
      for (let n = 0; n < 4; n++) await call();
      times.get(name).push(((performance.now() - start) * 1000) / (4 * count));
    }
  }
  console.log("client CPU time per call in µs: minimum, 10th percentile");
  for (const [name, all] of times) {
    const sorted = all.toSorted((a, b) => a - b);
    const numbers = [sorted[0], sorted[ROUNDS / 10]].map((micros) => micros.toFixed(2).padStart(8));
    console.log(`  ${name.padEnd(32)}${numbers.join("")}`);
  }
  await store.close();
  for (const each of [raw, auto, client]) each.disconnect();
}

/** Sends each command to the server only once, then replays its reply. Replies are emitted in the order of the commands. */
function replay(socket) {
  const known = new Map();
  /** Commands whose replies have not been emitted: with `reply`, or with the number of replies to wait for. */
  const waiting = [];
  let received = Buffer.alloc(0);
  const write = socket.write.bind(socket);
  const emit = socket.emit.bind(socket);
  const flush = () => {
    while (waiting[0]?.reply !== undefined) emit("data", waiting.shift().reply);
  };
  socket.write = (commands, ...rest) => {
    const name = nameOf(commands);
    const reply = known.get(name);
    waiting.push({ name, reply, replies: reply === undefined ? countOf(Buffer.from(commands)) : 0 });
    if (reply === undefined) return write(commands, ...rest);
    setImmediate(flush);
    return true;
  };
  socket.emit = (event, data, ...rest) => {
    if (event !== "data") return emit(event, data, ...rest);
    received = Buffer.concat([received, data]);
    for (const command of waiting.filter(({ reply }) => reply === undefined)) {
      const end = endOf(received, command.replies);
      if (end === -1) break;
      command.reply = received.subarray(0, end);
      received = received.subarray(end);
      // Errors are not replayed: the server may not have loaded a script yet.
      if (command.reply[0] !== "-".charCodeAt(0)) known.set(command.name, command.reply);
    }
    flush();
    return true;
  };
}

/** Returns the key of a recorded reply. The arguments of a script are not part of it: its replies hardly depend on them. */
function nameOf(commands) {
  const [, script] = /^\*\d+\r\n\$7\r\nevalsha\r\n\$40\r\n(\w{40}\r\n\$\d+\r\n\d+)/.exec(commands) ?? [];
  return script ?? commands;
}

function countOf(commands) {
  let count = 0;
  for (let at = 0; at < commands.length; at = endOf(commands, 1, at)) count++;
  return count;
}

/** Returns the position after `values` values of the Redis protocol, or -1 if they are not complete. */
function endOf(bytes, values, from = 0) {
  let at = from;
  for (let n = 0; n < values; n++) {
    const line = bytes.indexOf("\r\n", at);
    if (at === -1 || line === -1) return -1;
    const [type, length] = [String.fromCharCode(bytes[at]), Number(bytes.toString("latin1", at + 1, line))];
    at = line + 2;
    if (type === "$" && length >= 0) at += length + 2;
    if (type === "*" && length > 0) at = endOf(bytes, length, at);
    if (at > bytes.length) return -1;
  }
  return at;
}
