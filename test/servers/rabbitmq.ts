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
   * Lines for `rabbitmq.conf`, for example `["heartbeat = 2"]`.
   * @default []
   */
  readonly config?: readonly string[];
  /**
   * Settings that `rabbitmq.conf` has no name for, for example `{ channel_tick_interval: 500 }`.
   * @default {}
   */
  readonly settings?: Readonly<Record<string, number>>;
  /**
   * A node whose cluster this one joins. It must be stopped last: it has the port mapper and the cookie of them all.
   * @default none: a broker by itself
   */
  readonly join?: Rabbitmq | undefined;
}

/** A broker and its command line tool. */
export interface Rabbitmq extends PrivateServer {
  /** What its processes find in their environment. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs `rabbitmqctl` (about two seconds, most of it its own start). Answers what it wrote. */
  control(...args: readonly string[]): Promise<string>;
}

const run = promisify(execFile);

/** Starts a RabbitMQ of one's own (2 to 6 seconds, about 140 MB): its own node, data, cookie and port mapper. */
export async function startRabbitmq({
  config = [],
  settings = {},
  join: other,
}: RabbitmqOptions = {}): Promise<Rabbitmq> {
  const binaries = findRabbitmq();
  if (binaries === null) throw new Error("rabbitmq-server is not installed here");
  let env: NodeJS.ProcessEnv = {};
  const started = await startPrivateServer("rabbitmq", async (folder) => {
    const [port = 0, distributionPort = 0, mapperPort = 0] = await freePorts(3);
    env = {
      ...(await environment(folder, {
        port,
        distributionPort,
        mapperPort,
        config: [...config, ...joining(other)],
        settings,
      })),
      ...(await withoutPlugins(binaries.server, folder)),
      ...(other && { HOME: other.env.HOME, ERL_EPMD_PORT: other.env.ERL_EPMD_PORT }),
    };
    // Erlang's port mapper: a broker would start one that outlives it.
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
      // A method frame, Connection.Start. The listener opens last, when the broker has booted.
      isReady: (answer) => answer[0] === 1,
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

function joining(other: Rabbitmq | undefined): readonly string[] {
  if (other === undefined) return [];
  return [
    "cluster_formation.peer_discovery_backend = classic_config",
    `cluster_formation.classic_config.nodes.1 = ${other.env.RABBITMQ_NODENAME}`,
  ];
}

/**
 * A broker reads all the plugins that came with it at every start, in order to use none: a sixth of the time that a start
 * takes. It needs itself among them, for the names of its settings. Where it is not found, the broker looks as ever.
 */
async function withoutPlugins(server: string, folder: string): Promise<NodeJS.ProcessEnv> {
  const all = join(dirname(await realpath(server)), "../plugins");
  const itself = (await readdir(all).catch(() => [])).find((name) => /^rabbit-\d/.test(name));
  if (itself === undefined) return {};
  const own = join(folder, "plugins");
  await mkdir(own);
  await symlink(join(all, itself), join(own, itself));
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
  // Whatever the user set for a broker of their own must not reach this one.
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
    // Loopback only; and no busy waiting, which would take the processor from the tests.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
      ...Object.entries(options.settings).map(([name, value]) => `-rabbit ${name} ${value}`),
    ].join(" "),
    // The start script then becomes the broker instead of waiting beside it.
    RUNNING_UNDER_SYSTEMD: "true",
  };
}
