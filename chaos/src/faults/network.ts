import type { TcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { Random } from "../random.js";
import type { World } from "../world.js";
import { type Fault, nothingToHeal } from "./fault.js";

type Way = "redis" | "broker";

/** The lines of one client, or of all of them, to one server. */
function lines(way: Way, { clients }: World, random: Random): readonly TcpProxy[] {
  const all = clients.map((client) => client[way]);
  return random.chance(0.5) ? all : [random.pick(all)];
}

/** A line that lost something breaks before it carries anything again, as TCP would have it. */
function broken(proxies: readonly TcpProxy[]): () => Promise<void> {
  return async () => {
    for (const proxy of proxies) {
      proxy.cut();
      proxy.heal();
    }
  };
}

function faultsOf(way: Way, longestMs: number): readonly Fault[] {
  return [
    {
      kind: `line to ${way} cut`,
      weight: 3,
      holdMs: [0, 100],
      async inject(world, random) {
        for (const proxy of lines(way, world, random)) proxy.cut();
        return nothingToHeal;
      },
    },
    {
      kind: `line to ${way} refused`,
      weight: 2,
      holdMs: [100, longestMs],
      async inject(world, random) {
        const proxies = lines(way, world, random);
        await Promise.all(proxies.map((proxy) => proxy.shut()));
        return async () => void (await Promise.all(proxies.map((proxy) => proxy.open())));
      },
    },
    {
      kind: `line to ${way} dead (half-open)`,
      weight: 3,
      holdMs: [100, longestMs],
      async inject(world, random) {
        const proxies = lines(way, world, random);
        for (const proxy of proxies) proxy.freeze();
        return broken(proxies);
      },
    },
    {
      kind: `replies of ${way} lost`,
      weight: 4,
      holdMs: [50, longestMs],
      async inject(world, random) {
        const proxies = lines(way, world, random);
        for (const proxy of proxies) proxy.swallowReplies();
        return broken(proxies);
      },
    },
    {
      kind: `line to ${way} slow`,
      weight: 2,
      holdMs: [200, longestMs],
      async inject(world, random) {
        const proxies = lines(way, world, random);
        const delayMs = random.whole(10, 400);
        for (const proxy of proxies) proxy.slow(delayMs);
        return async () => {
          for (const proxy of proxies) proxy.heal();
        };
      },
    },
  ];
}

export const redisLineFaults = faultsOf("redis", 2_000);
export const brokerLineFaults = faultsOf("broker", 5_000);
