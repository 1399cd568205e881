import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runHere } from "./run-cli.js";

test.each([
  [[], 2, "Usage: job-store"],
  [["--help"], 0, "Usage: job-store"],
  [["list", "--help"], 0, "Usage: job-store"],
  [["--help"], 0, "--version"],
  [["explode"], 2, 'Unknown command "explode"'],
  [["constructor"], 2, "Unknown command"],
  [["list", "--colour"], 2, "Unknown option --colour. Did you mean --color?"],
  [["list", "--xyz"], 2, "Unknown option --xyz. See job-store --help."],
  [["retry", "a", "--queu", "q"], 2, "Unknown option --queu. Did you mean --queue?"],
  [["list", "--stauts=done"], 2, "Unknown option --stauts. Did you mean --status?"],
  [
    ["dashboard", "--queue", "a", "--queue", "b"],
    2,
    "--queue is given twice. Separate several values with commas, if it accepts several.",
  ],
  [["list", "-x"], 2, "Unknown option -x. See job-store --help."],
  [["list", "--by", "Ann"], 2, "list does not support --by"],
  [["list", "--force"], 2, "list does not support --force"],
  [["get"], 2, "Usage: job-store get <id>"],
  [["counts", "a"], 2, 'Unexpected "a". Usage: job-store counts'],
  [["list", "--limit", "many"], 2, "--limit must be an integer"],
  [["list", "--limit", "0"], 2, "--limit must be 1 or more"],
  [["list", "--limit", "9", "--all"], 2, "--all and --limit cannot be combined"],
  [["list", "--where", "blue"], 2, "--where must be <field>=<value>"],
  [["counts", "--where", "=blue"], 2, "--where must be <field>=<value>"],
  [["list", "--output", "xml"], 2, "--output must be table or json"],
  [["retry"], 2, "No jobs given"],
  [["delete", "a", "--status", "done", "--yes"], 2, "No jobs given"],
  [["retry", "a", "--queue", "q"], 2, "--queue and --payload must be used together"],
  [["retry", "a", "--queue", "q", "--payload", "{"], 2, "--payload must be JSON"],
  [["retry", "a", "--no-message", "--queue", "q", "--payload", "1"], 2, "--no-message cannot be combined"],
  [["retry", "--help"], 0, "without the prefix of the broker"],
  [["outbox", "explode"], 2, 'Unknown action "outbox explode". Use outbox requeue, drop, run-now or cancel'],
  [["outbox", "--all"], 2, "--all requires"],
  [["outbox", "--limit", "5"], 2, "--limit and --cursor require --kind"],
  [["outbox", "--kind", "claimed"], 2, "--kind must be waiting, scheduled or rejected"],
  [["outbox", "--kind", "waiting", "--rejected"], 2, "cannot be combined"],
  [["outbox", "--kind", "waiting", "--limit", "0"], 2, "--limit must be 1 or more"],
  [["outbox", "drop", "1-1", "--kind", "rejected"], 2, "outbox drop does not support --kind"],
  [["outbox", "--job", "a"], 2, "--job requires outbox run-now"],
  [["outbox", "run-now"], 2, "outbox run-now requires either entry ids"],
  [["outbox", "run-now", "0-1", "--job", "a"], 2, "outbox run-now requires either entry ids"],
  [["outbox", "run-now", "--all"], 2, "name the scheduled messages"],
  [["outbox", "cancel"], 2, "No messages given"],
  [["outbox", "drop"], 2, "No messages given"],
  [["outbox", "requeue", "1-1", "--all"], 2, "No messages given"],
  [["outbox", "drop", "--all", "--rejected"], 2, "does not support --rejected"],
  [["pause"], 2, "Usage: job-store pause <queue>"],
  [["pause", "q", "--for", "5m", "--until", "2026-12-31T18:00:00Z"], 2, "--until and --for cannot be combined"],
  [["pause", "q", "--for", "soon"], 2, "--for must be a duration such as 90s, 30m, 4h or 2d"],
  [["pause", "q", "--for", "0s"], 2, "--for must be a duration"],
  [["pause", "q", "--until", "2026-12-31"], 2, "--until must be a time such as"],
  [["resume", "q", "--reason", "x"], 2, "resume does not support --reason"],
  [["list"], 2, "No Redis server given"],
  [["list", "--sentinels", "a:1"], 2, "--name"],
  [["list", "--cluster", "a"], 2, "host:port"],
  [["list", "--url", "http://a"], 2, "redis://"],
  [["list", "--url", "redis://a", "--timeout", "1"], 2, "`timeoutMs` must be an integer from 10"],
])("%j ends with %i before anything is opened", async (args, code, words) => {
  const ended = await runHere(args, {});
  expect(ended.out + ended.err).toContain(words);
  expect(ended.code).toBe(code);
});

test.each([[["--version"]], [["list", "--version"]]])(
  "%j prints the version of the package and nothing else",
  async (args) => {
    const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
    expect(await runHere(args, {})).toEqual({ code: 0, out: `${version}\n`, err: "" });
  },
);

test("the exit code is 3 if the server is unreachable, and the output does not contain the password", async () => {
  const env = { REDIS_URL: "redis://user:geheim@127.0.0.1:1" };
  const { code, out, err } = await runHere(["list", "--timeout", "200"], env);
  expect(code).toBe(3);
  expect(err).toMatch(/^job-store: .*ECONNREFUSED/);
  expect(out + err).not.toContain("geheim");
});

test("the command line uses Redis only through the public entry", () => {
  const folder = new URL("../src/lib/cli/", import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const imports = files.flatMap((name) =>
    Array.from(readFileSync(new URL(name, folder), "utf8").matchAll(/ from "([^"]+)"/g), ([, from = ""]) => from),
  );
  expect(imports.filter((from) => from.includes("/redis"))).toEqual(["../../redis.js"]);
});
