import { execFile } from "node:child_process";
import { mkdir, readdir, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { findRabbitmq } from "./binaries.js";
import { spawnOwn } from "./own-process.js";
import { freePorts } from "./ports.js";
import { type PrivateServer, startPrivateServer } from "./private-server.js";

export interface RabbitmqOptions {
  /**
   * Lines of `rabbitmq.conf`, for example `["heartbeat = 2"]`.
   * @default []
   */
  readonly config?: readonly string[];
  /**
   * Settings that `rabbitmq.conf` does not support, for example `{ channel_tick_interval: 500 }`.
   * @default {}
   */
  readonly settings?: Readonly<Record<string, number>>;
  /**
   * Node whose cluster the new node joins. It must be stopped last, because all nodes use its port mapper and its cookie.
   * @default none: a single node
   */
  readonly join?: Rabbitmq | undefined;
}

/** Private RabbitMQ server and its command line tool. */
export interface Rabbitmq extends PrivateServer {
  /** Environment of its processes. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs `rabbitmqctl`, which takes about two seconds. Returns its output. */
  control(...args: readonly string[]): Promise<string>;
}

const run = promisify(execFile);

/** Starts a private RabbitMQ with its own data, cookie and port mapper. It takes 2 to 6 seconds and about 140 MB. */
export async function startRabbitmq({
  config = [],
  settings = {},
  join: other,
}: RabbitmqOptions = {}): Promise<Rabbitmq> {
  const binaries = findRabbitmq();
  if (binaries === null) throw new Error("rabbitmq-server is not installed on this machine");
  let env: NodeJS.ProcessEnv = {};
  const started = await startPrivateServer("rabbitmq", async (folder) => {
    const [port = 0, distributionPort = 0, mapperPort = 0] = await freePorts(3);
    env = {
      ...(await environment(folder, {
        port,
        distributionPort,
        mapperPort,
        config: [...config, ...clusterConfig(other)],
        settings,
      })),
      ...(await minimalPlugins(binaries.server, folder)),
      ...(other && { HOME: other.env.HOME, ERL_EPMD_PORT: other.env.ERL_EPMD_PORT }),
    };
    // Port mapper of Erlang. The broker would start one that does not end with it.
    const mapper = other
      ? null
      : spawnOwn(binaries.epmd, ["-port", `${mapperPort}`, "-address", "127.0.0.1"], { cwd: folder, env });
    return {
      command: binaries.server,
      args: [],
      env,
      url: `amqp://guest:guest@127.0.0.1:${port}`,
      port,
      greeting: "AMQP\x00\x00\x09\x01",
      // Connection.Start is a method frame. The broker opens its port at the end of its start.
      isReady: (reply) => reply[0] === 1,
      readyWithinMs: 120_000,
      async afterwards() {
        mapper?.signal("SIGKILL");
        await mapper?.ended;
      },
    };
  });
  const control = async (...args: readonly string[]) => {
    const node = ["--node", String(env.RABBITMQ_NODENAME), "--timeout", "20"];
    return (await run(binaries.control, [...node, ...args], { env, timeout: 30_000 })).stdout;
  };
  return Object.assign(started, { env, control });
}

/** Returns the lines of `rabbitmq.conf` for a node that joins the cluster of another one. */
function clusterConfig(other: Rabbitmq | undefined): readonly string[] {
  if (other === undefined) return [];
  return [
    "cluster_formation.peer_discovery_backend = classic_config",
    `cluster_formation.classic_config.nodes.1 = ${other.env.RABBITMQ_NODENAME}`,
  ];
}

/**
 * Returns environment variables for a plugins folder that contains only the plugin `rabbit`. At every start, a broker reads all its
 * plugins, although none of the others is enabled; without them, the start takes a sixth less time. `rabbit` defines the names of the
 * settings. If it is not found, the broker uses its default folder.
 */
async function minimalPlugins(server: string, folder: string): Promise<NodeJS.ProcessEnv> {
  const all = join(dirname(await realpath(server)), "../plugins");
  const rabbit = (await readdir(all).catch(() => [])).find((name) => /^rabbit-\d/.test(name));
  if (rabbit === undefined) return {};
  const own = join(folder, "plugins");
  await mkdir(own);
  await symlink(join(all, rabbit), join(own, rabbit));
  return { RABBITMQ_PLUGINS_DIR: own };
}

async function environment(
  folder: string,
  options: { port: number; distributionPort: number; mapperPort: number } & Required<Omit<RabbitmqOptions, "join">>,
): Promise<NodeJS.ProcessEnv> {
  const home = join(folder, "home");
  const configFile = join(folder, "rabbitmq.conf");
  const pluginsFile = join(folder, "enabled_plugins");
  const environmentFile = join(folder, "rabbitmq-env.conf");
  await mkdir(home);
  await writeFile(configFile, options.config.map((line) => `${line}\n`).join(""));
  await writeFile(pluginsFile, "[].");
  await writeFile(environmentFile, "");
  // Variables that the user has set for another broker must not configure this one.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RABBITMQ_|ERL_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: `${options.mapperPort}`,
    RABBITMQ_NODENAME: `subtitles${options.port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: `${options.port}`,
    RABBITMQ_DIST_PORT: `${options.distributionPort}`,
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONFIG_FILE: configFile,
    RABBITMQ_CONF_ENV_FILE: environmentFile,
    RABBITMQ_ENABLED_PLUGINS_FILE: pluginsFile,
    // Listens only on the loopback address. Without busy waiting, which would slow down the tests.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
      ...Object.entries(options.settings).map(([name, value]) => `-rabbit ${name} ${value}`),
    ].join(" "),
    // With this variable, the start script replaces itself by the broker instead of waiting for it.
    RUNNING_UNDER_SYSTEMD: "true",
  };
}
