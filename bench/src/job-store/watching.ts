import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { quantile, ratios } from "../harness/statistics.js";
import type { Suite } from "../harness/suite.js";
import { data, forEach, newIds, subtitleJob } from "./jobs.js";
import { benchRedis } from "./redis.js";

const WATCHERS = 1_000;

/** Delay of events with 1,000 watchers in one process, each of another job. */
export const watching: Suite = {
  name: "watch",
  measure: async ({ full }) => {
    await using redis = await benchRedis();
    const otherConnections = await connections(redis.admin);
    await using store = createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis.url }) });
    const ids = newIds(WATCHERS);
    await forEach(ids, (id) => store.create(data, { id }));
    const storeConnections = (await connections(redis.admin)) - otherConnections;
    let onEvent = (_id: string) => {};
    const stop = new AbortController();
    const watchers = ids.map((id) => listen(store.watch(id, { signal: stop.signal }), () => onEvent(id)));
    // The first event of each watcher is the snapshot of its job.
    await new Promise<void>((resolve) => {
      let left = WATCHERS;
      onEvent = () => void (--left === 0 && resolve());
    });
    const rounds = full ? 11 : 5;
    const [fromCall, fromReply, pings]: [number[][], number[][], number[][]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const found = { call: [] as number[], reply: [] as number[], ping: [] as number[] };
      for (let n = 0; n < 200; n++) {
        const id = ids[(round * 200 + n) % WATCHERS] as string;
        const arrived = new Promise<number>((resolve) => {
          onEvent = (changed) => void (changed === id && resolve(performance.now()));
        });
        const start = performance.now();
        await store.updateStatus(id, "downloading");
        const replied = performance.now();
        const at = await arrived;
        found.call.push(at - start);
        found.reply.push(Math.max(0, at - replied));
        const asked = performance.now();
        await redis.admin.ping();
        found.ping.push(performance.now() - asked);
      }
      fromCall.push(found.call);
      fromReply.push(found.reply);
      pings.push(found.ping);
    }
    const eventConnections = (await connections(redis.admin)) - otherConnections - storeConnections;
    stop.abort();
    await Promise.all(watchers);

    const p50s = (all: readonly (readonly number[])[]) => all.map((round) => quantile(round, 0.5));
    const row = (name: string, all: readonly (readonly number[])[]) => {
      const micros = (share: number) => Math.round(quantile(all.flat(), share) * 1000).toLocaleString("en");
      return [name, micros(0.5), micros(0.99)];
    };
    const same = { median: eventConnections, low: eventConnections, high: eventConnections };
    return [
      {
        title: "watch, 1,000 watchers in one process",
        about: `Each watcher watches another job. The same process makes the changes, one after another. A change is committed between its call and its reply. Connections for all watchers: ${eventConnections}.`,
        table: {
          head: ["", "µs: p50", "p99"],
          rows: [
            row("reply of the change → callback", fromReply),
            row("call of the change → callback", fromCall),
            row("PING", pings),
          ],
        },
        ratios: [
          {
            name: "watch, 1,000 watchers: call to callback, p50 / PING",
            value: ratios(p50s(fromCall), p50s(pings)),
            wanted: { atMost: 3 },
          },
          { name: "watch, 1,000 watchers: connections", value: same, wanted: { atMost: 1 } },
        ],
      },
    ];
  },
};

async function listen(events: AsyncIterable<unknown>, onEvent: () => void): Promise<void> {
  for await (const _ of events) onEvent();
}

async function connections(admin: { client(command: "LIST"): Promise<unknown> }): Promise<number> {
  return String(await admin.client("LIST"))
    .trim()
    .split("\n").length;
}
