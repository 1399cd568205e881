import type { TcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { Random } from "../random.js";
import type { World } from "../world.js";
import type { Fault } from "./fault.js";

type Way = "redis" | "broker";

/** What is done to a line, and undone; `delayMs` is drawn for each fault anew. */
interface Harm {
  readonly begin: (line: TcpProxy, delayMs: number) => void | Promise<void>;
  readonly end: (line: TcpProxy) => void | Promise<void>;
}

/** Lost for the moment, and over with it. */
const cut: Harm = { begin: (line) => line.cut(), end: () => {} };
const refused: Harm = { begin: (line) => line.shut(), end: (line) => line.open() };
const dead: Harm = { begin: (line) => line.freeze(), end: broken };
const repliesLost: Harm = { begin: (line) => line.swallowReplies(), end: broken };
const slow: Harm = { begin: (line, delayMs) => line.slow(delayMs), end: (line) => line.heal() };

/** A line that lost something breaks before it carries anything again, as TCP would have it. */
function broken(line: TcpProxy): void {
  line.cut();
  line.heal();
}

/** The lines of one client, or of all of them, to one server. */
function linesTo(way: Way, { clients }: World, random: Random): readonly TcpProxy[] {
  const all = clients.map((client) => client[way]);
  return random.chance(0.5) ? all : [random.pick(all)];
}

function faultsOf(way: Way, longestMs: number): readonly Fault[] {
  const fault = (kind: string, weight: number, holdMs: Fault["holdMs"], harm: Harm): Fault => ({
    kind,
    weight,
    holdMs,
    async inject(world, random) {
      const lines = linesTo(way, world, random);
      const delayMs = random.whole(10, 400);
      await Promise.all(lines.map((line) => harm.begin(line, delayMs)));
      return async () => void (await Promise.all(lines.map(harm.end)));
    },
  });
  return [
    fault(`line to ${way} cut`, 3, [0, 100], cut),
    fault(`line to ${way} refused`, 2, [100, longestMs], refused),
    fault(`line to ${way} dead (half-open)`, 3, [100, longestMs], dead),
    fault(`replies of ${way} lost`, 4, [50, longestMs], repliesLost),
    fault(`line to ${way} slow`, 2, [200, longestMs], slow),
  ];
}

export const redisLineFaults = faultsOf("redis", 2_000);
export const brokerLineFaults = faultsOf("broker", 5_000);
