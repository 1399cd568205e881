import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { quantile, ratios } from "../frame/statistics.js";
import type { Suite } from "../frame/suite.js";
import { data, forEach, newIds, subtitleJob } from "./jobs.js";
import { benchRedis } from "./redis.js";

const WATCHERS = 1_000;

/** A thousand watchers of a job each in one process, and how soon they know of a change. */
export const watching: Suite = {
  name: "watch",
  measure: async ({ full }) => {
    await using redis = await benchRedis();
    const others = await connections(redis.admin);
    await using store = createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis.url }) });
    const ids = newIds(WATCHERS);
    await forEach(ids, (id) => store.create(data, { id }));
    const own = (await connections(redis.admin)) - others;
    let heard = (_id: string) => {};
    const stop = new AbortController();
    const watchers = ids.map((id) => listen(store.watch(id, { signal: stop.signal }), () => heard(id)));
    // Each begins with how its job stands.
    await new Promise<void>((resolve) => {
      let left = WATCHERS;
      heard = () => void (--left === 0 && resolve());
    });
    const waking = (await connections(redis.admin)) - others - own;

    const rounds = full ? 11 : 5;
    const [fromCall, fromReply, pings]: [number[][], number[][], number[][]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const found = { call: [] as number[], reply: [] as number[], ping: [] as number[] };
      for (let n = 0; n < 200; n++) {
        const id = ids[(round * 200 + n) % WATCHERS] as string;
        const arrived = new Promise<number>((resolve) => {
          heard = (who) => void (who === id && resolve(performance.now()));
        });
        const begun = performance.now();
        await store.updateStatus(id, "downloading");
        const replied = performance.now();
        const at = await arrived;
        found.call.push(at - begun);
        found.reply.push(Math.max(0, at - replied));
        const asked = performance.now();
        await redis.admin.ping();
        found.ping.push(performance.now() - asked);
      }
      fromCall.push(found.call);
      fromReply.push(found.reply);
      pings.push(found.ping);
    }
    stop.abort();
    await Promise.all(watchers);

    const p50s = (all: readonly (readonly number[])[]) => all.map((round) => quantile(round, 0.5));
    const row = (name: string, all: readonly (readonly number[])[]) => {
      const micros = (share: number) => Math.round(quantile(all.flat(), share) * 1000).toLocaleString("en");
      return [name, micros(0.5), micros(0.99)];
    };
    const same = { median: waking, low: waking, high: waking };
    return [
      {
        title: "watch, 1,000 watchers in one process",
        about: `Each watches a job of its own; changes one after the other, in the same process. The commit lies between the call and its reply. Connections for all watchers: ${waking}.`,
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
