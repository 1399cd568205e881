import type { TcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { Random } from "../random.js";
import type { Environment, Fault } from "./fault.js";

type Target = "redis" | "broker";

/** Fault of a proxy. `delayMs` is random. */
interface ProxyFault {
  readonly begin: (proxy: TcpProxy, delayMs: number) => void | Promise<void>;
  readonly end: (proxy: TcpProxy) => void | Promise<void>;
}

const cut: ProxyFault = { begin: (proxy) => proxy.cut(), end: () => {} };
const refused: ProxyFault = { begin: (proxy) => proxy.shut(), end: (proxy) => proxy.open() };
const dead: ProxyFault = { begin: (proxy) => proxy.freeze(), end: reconnect };
const repliesLost: ProxyFault = { begin: (proxy) => proxy.swallowReplies(), end: reconnect };
const slow: ProxyFault = { begin: (proxy, delayMs) => proxy.slow(delayMs), end: (proxy) => proxy.heal() };

/** Breaks the connections before the proxy forwards again: TCP never continues a connection that has lost bytes. */
function reconnect(proxy: TcpProxy): void {
  proxy.cut();
  proxy.heal();
}

/** Chooses the proxies of all clients or of one client. */
function chooseProxies(target: Target, { clients }: Environment, random: Random): readonly TcpProxy[] {
  const all = clients.map((client) => client[target]);
  return random.chance(0.5) ? all : [random.pick(all)];
}

function faultsOf(target: Target, maxMs: number): readonly Fault[] {
  const fault = (kind: string, weight: number, holdMs: Fault["holdMs"], { begin, end }: ProxyFault): Fault => ({
    kind,
    weight,
    holdMs,
    async inject(environment, random) {
      const proxies = chooseProxies(target, environment, random);
      const delayMs = random.integer(10, 400);
      await Promise.all(proxies.map((proxy) => begin(proxy, delayMs)));
      return async () => void (await Promise.all(proxies.map(end)));
    },
  });
  return [
    fault(`connection to ${target} cut`, 3, [0, 100], cut),
    fault(`connection to ${target} refused`, 2, [100, maxMs], refused),
    fault(`connection to ${target} dead (half-open)`, 3, [100, maxMs], dead),
    fault(`replies of ${target} lost`, 4, [50, maxMs], repliesLost),
    fault(`connection to ${target} slow`, 2, [200, maxMs], slow),
  ];
}

export const redisConnectionFaults = faultsOf("redis", 2_000);
export const brokerConnectionFaults = faultsOf("broker", 5_000);
