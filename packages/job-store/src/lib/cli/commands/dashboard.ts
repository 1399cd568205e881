import { readFileSync } from "node:fs";
import type { DashboardBroker, DashboardOptions } from "../../dashboard/options.js";
import { isError, JobStoreError } from "../../errors.js";
import type { Options } from "../arguments.js";
import { integerOption } from "../arguments.js";
import { BROKER_OPTIONS, checkBrokerOptions, type OpenedBroker, openBroker } from "../broker.js";
import type { PlainCommand } from "../command.js";
import { isLoopback, serve } from "../dashboard-server.js";
import { open } from "../open.js";
import { EXIT, UsageError } from "../usage.js";

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 3737;

const COLORS = [
  "red",
  "amber",
  "green",
  "blue",
  "violet",
  "gray",
] as const satisfies readonly DashboardOptions["color"][];

export const dashboard: PlainCommand = {
  usage: "dashboard [--host 127.0.0.1] [--port 3737] [--read-only]",
  options: ["host", "port", "read-only", "by", "title", "color", "token-file", ...BROKER_OPTIONS],
  operands: [0, 0],
  check(options) {
    portOf(options);
    colorOf(options);
    if (usesBroker(options)) checkBrokerOptions(options);
  },
  async runPlain({ options, output, env, signal }) {
    const { host = DEFAULT_HOST, by = "dashboard", title } = options;
    const token = tokenOf(options, env);
    if (token === undefined && !isLoopback(host)) {
      throw new UsageError(
        `--host ${host} can be reached from other machines, so a token is required: set DASHBOARD_TOKEN, or use --token-file.`,
      );
    }
    await using opened = await open(options, env);
    await using broker = usesBroker(options) ? await openBroker(options, env) : null;
    // The page is large, so other commands do not load it.
    const { createDashboard } = await import("../../dashboard/dashboard.js");
    await using board = createDashboard({
      stores: { [opened.store.definition.name]: { store: opened, ...(broker !== null && partsOf(broker)) } },
      // The address and the token decide about access.
      may: () => true,
      by: () => by,
      title: title ?? opened.store.definition.name,
      color: colorOf(options),
      readOnly: options["read-only"] === true,
      token,
    });
    await using server = await serve(board, { host, port: portOf(options) });
    output.row({ url: server.url }, server.url);
    output.note("The dashboard is open until Ctrl-C.");
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return EXIT.done;
  },
};

function usesBroker(options: Options): boolean {
  return options.queue !== undefined || options["amqp-url"] !== undefined;
}

/** @throws UsageError */
function portOf({ port }: Options): number {
  const number = integerOption(port, "port", DEFAULT_PORT);
  if (number > 65_535) throw new UsageError("--port must be from 0 to 65535. 0: any free port.");
  return number;
}

/** @throws UsageError */
function colorOf({ color }: Options): DashboardOptions["color"] {
  if (color === undefined) return undefined;
  const known = COLORS.find((one) => one === color);
  if (known === undefined) throw new UsageError(`--color must be one of: ${COLORS.join(", ")}.`);
  return known;
}

/** Shortest token, in characters. */
const MIN_TOKEN = 16;

/** Returns the token, which is not an option: the list of processes shows the command line. undefined: none is set. @throws UsageError */
function tokenOf(options: Options, env: NodeJS.ProcessEnv): string | undefined {
  const file = options["token-file"];
  const text = file === undefined ? env.DASHBOARD_TOKEN : readToken(file);
  const token = text?.trim();
  if (token === undefined || (file === undefined && token === "")) return undefined;
  if (token.length >= MIN_TOKEN && /^[!-~]+$/.test(token)) return token;
  throw new UsageError(
    `The token must have at least ${MIN_TOKEN} characters of ASCII, and no spaces. To make one: openssl rand -hex 32`,
  );
}

/** @throws UsageError */
function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--token-file cannot be read: ${isError(error) ? error.message : "unknown reason"}.`);
  }
}

/** Returns the broker and its queues as options of a dashboard. */
function partsOf(opened: OpenedBroker): Pick<DashboardOptions["stores"][string], "broker" | "queues"> {
  const broker: DashboardBroker = {
    stats: ({ name }) => asStoreError(async () => ({ ...UNKNOWN, ...(await opened.stats(name)) })),
    deadLetters: ({ name }, { limit }) => asStoreError(() => opened.deadLetters(name, limit)),
    redrive: ({ name }, selection) => asStoreError(() => opened.redrive(name, selection)),
    discard: ({ name }, selection) => asStoreError(() => opened.discard(name, selection)),
    health: () => opened.health(),
  };
  return { broker, queues: opened.queues.map((name) => ({ name })) };
}

/** Numbers that a broker does not have for queues whose definition is unknown. */
const UNKNOWN = { unacked: null, delayed: null };

/** Converts an error in the command line, such as a queue that does not exist, to one that the page shows. */
async function asStoreError<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof UsageError) throw new JobStoreError("INVALID_ARGUMENT", error.message);
    throw error;
  }
}
