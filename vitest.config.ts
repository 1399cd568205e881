import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { PAGE_MODULE, pageModule, withoutComments } from "./packages/job-store/sources.config.js";
import { supportsTools } from "./scripts/dev/node-versions.mjs";

/** Imports Lua scripts as text, like the bundler of the package. */
const luaAsText = {
  name: "lua-as-text",
  transform: (code: string, id: string) =>
    id.endsWith(".lua") ? `export default ${JSON.stringify(withoutComments(code))}` : undefined,
};

/** Makes the page of the dashboard, like the bundler of the package. */
const dashboardPage = {
  name: "dashboard-page",
  resolveId: (id: string) => (id === PAGE_MODULE ? `\0${PAGE_MODULE}` : undefined),
  load: (id: string) => (id === `\0${PAGE_MODULE}` ? pageModule() : undefined),
};

const tests = (pattern: string) => [
  `packages/*/test/**/${pattern}`,
  `examples/*/test/**/${pattern}`,
  `examples/showcase/*/test/**/${pattern}`,
  `chaos/test/**/${pattern}`,
  `test/**/${pattern}`,
  `scripts/test/**/${pattern}`,
];

/** The tools do not run on every Node of `engines`. On the others, the tests of the tools, documents, types and page are left out. */
const withTools = supportsTools(process.versions.node);
const leftOut = withTools
  ? []
  : ["scripts/**", "chaos/**", "test/documents*.test.ts", "test/packages.test.ts", "**/*.page.test.ts"];

/**
 * `npm test` runs the tests of the packages, the templates and the documents. `npm test -- --all` also runs the others: those of the
 * showcase, the pages, the copies, the packed packages, the compilers, the types and the tools, the chaos round, and of the packages those
 * with a private RabbitMQ or a large load, and those that repeat the contract of the drivers on a cluster and with telemetry.
 */
const core = process.env.TESTS === "core";
// A copy of the templates must also work on the oldest Node. CI does not run all tests on it.
const examplesOnlyInAll = withTools ? "test/examples/**" : "test/examples/!(copy.*)";
const slow = [
  ...["**/redis-cluster-contract*.test.ts", "**/opentelemetry-contract.test.ts"],
  ...["**/redis-large*.test.ts", "**/redis-many-leases*.test.ts", "**/rabbitmq-memory*.test.ts"],
  ...["**/rabbitmq-crash*.test.ts", "**/rabbitmq-operators*.test.ts", "**/worker-rabbitmq-outages*.test.ts"],
];
const onlyInAll = [
  ...["examples/showcase/**", examplesOnlyInAll, "test/packages.test.ts", "**/*.page.test.ts"],
  ...["**/compiler-messages.test.ts", "chaos/**", "scripts/**", "test/leftovers*.test.ts", "test/servers*.test.ts"],
  // On the oldest Node, CI runs only these tests, so there they include the slow ones.
  ...(withTools ? slow : []),
];
if (core) leftOut.push(...onlyInAll);

/** Files that take the longest. */
const LONGEST = [
  "job-store/test/redis-cluster-contract.integration.test.ts",
  "job-store/test/redis.integration.test.ts",
  "queue/test/worker-requests.integration.test.ts",
  "queue/test/worker.integration.test.ts",
  "queue/test/worker-limits-and-pauses.integration.test.ts",
  "queue/test/worker-rabbitmq-outages.integration.test.ts",
  "job-store/test/memory.test.ts",
  "job-store/test/opentelemetry-contract.test.ts",
  "job-store/test/redis-faults.integration.test.ts",
  "queue/test/worker-redis-outages.integration.test.ts",
  "queue/test/rabbitmq.integration.test.ts",
  "test/documents.test.ts",
];

/** Starts the longest files first, so that no processor is idle at the end. In a new clone, vitest starts the files by their size. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** Path of another version of ioredis for the tests. */
const { IOREDIS } = process.env;

export default defineConfig({
  plugins: [luaAsText, dashboardPage],
  ...(IOREDIS !== undefined && { resolve: { alias: { ioredis: resolve(IOREDIS) } } }),
  test: {
    // These limits only end tests that hang. Every step is much faster, also on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Tests of memory and of timeouts start the garbage collector.
    execArgv: ["--expose-gc"],
    // One process runs many files. To load the modules again for each file would take a third of the processor time.
    isolate: false,
    // Most tests against servers wait for the server and do not need a processor.
    maxWorkers: availableParallelism() + 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: tests("*.test.ts"),
          exclude: [...leftOut, "**/node_modules/**", "**/*.integration.test.ts", "**/*.page.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "types",
          include: [],
          // Only the files of this tsconfig are checked. In other files, a wrong expectation would pass.
          typecheck: {
            enabled: withTools && !core,
            include: ["packages/*/test/**/*.test-d.ts"],
            tsconfig: "./tsconfig.json",
          },
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: tests("*.integration.test.ts"),
          exclude: [...leftOut, "**/node_modules/**"],
          globalSetup: "test/servers/setup.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "page",
          include: tests("*.page.test.ts"),
          exclude: [...leftOut, "**/node_modules/**"],
          globalSetup: "test/servers/chromium.ts",
        },
      },
    ],
  },
});
