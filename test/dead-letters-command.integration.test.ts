import { type ExecFileException, execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deadLetter } from "@subtitles/queue";
import { describe, expect, onTestFinished, test } from "vitest";
import { runHere } from "../packages/job-store/test/run-cli.js";
import { onServer, openChannel, tasks } from "../packages/queue/test/rabbitmq-queues.js";
import { PATIENCE } from "./patience.js";
import { server } from "./servers/require.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

const lines = (out: string): unknown[] =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("The command dead-letters"), () => {
  /** Runs the command on the queue of the tests, as its service uses it. */
  const commandOf =
    (prefix: string) =>
    (
      args: readonly string[],
      { queue = "tasks", ...terminal }: { queue?: string; input?: string; isTTY?: boolean } = {},
    ) =>
      runHere(
        ["dead-letters", ...args, "--queue", queue, "--timeout", "30000"],
        { RABBITMQ_URL: url, RABBITMQ_PREFIX: prefix },
        terminal,
      );

  /** Opens a queue with the dead letters "m0", "m1" and so on. */
  async function openWithLetters(number: number) {
    const { prefix, broker } = onServer(url);
    const service = broker();
    const ids = Array.from({ length: number }, (_, n) => `m${n}`);
    const consumer = await service.consume(tasks, async () => deadLetter("no \u001b[31mpaper"), { concurrency: 10 });
    await service.publishMany(
      tasks,
      ids.map((id, n) => ({
        payload: { n },
        options: { id, origin: JSON.stringify(["tasks", "task", `job-${n}`, 1, 1, 1, 0]) },
      })),
    );
    await expect.poll(() => service.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: number });
    await consumer.close();
    return { prefix, service, run: commandOf(prefix) };
  }

  test("list shows the oldest dead letters with their jobs and reasons, and leaves them in the queue", async () => {
    const { run, service } = await openWithLetters(3);
    const { code, out, err } = await run(["list", "--limit", "2"]);
    expect(code).toBe(0);
    expect(err).toBe("Only the oldest 2 of 3 are shown. Add --limit or --all to see up to 10000.\n");
    const letters = await service.deadLetters(tasks);
    expect(lines(out)).toEqual(
      JSON.parse(JSON.stringify(letters.slice(0, 2))).map(({ origin, ...letter }: { origin: string }) => ({
        ...letter,
        jobId: JSON.parse(origin)[2],
      })),
    );
    expect(lines((await run(["list", "--all"])).out)).toHaveLength(3);
    const table = await run(["list", "--output", "table"]);
    expect(table.out).toMatch(
      /^id +job +attempts +at +reason +last error\nm\d +job-\d +1 +\d{4}-\S+ \S+ +no {2}\[31mpaper /,
    );
    await expect.poll(() => service.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 3 });
  });

  test("redrive sends the given dead letters to the queue as first attempts, with their ids and origins", async () => {
    const { run, service } = await openWithLetters(3);
    const redriven = await run(["redrive", "m1", "m1"]);
    expect(redriven).toMatchObject({ code: 0, err: "" });
    expect(lines(redriven.out)).toEqual([{ queue: "tasks", redriven: 1 }]);
    const some = await run(["redrive", "m2", "absent"]);
    expect(some).toMatchObject({
      code: 1,
      err: expect.stringContaining("2 ids given, and 1 found among the dead letters."),
    });
    const received: unknown[] = [];
    await service.consume(tasks, async ({ id, attempt, origin, payload }) => {
      received.push({ id, attempt, payload, jobId: JSON.parse(origin ?? "")[2] });
    });
    await expect.poll(() => received, PATIENCE).toHaveLength(2);
    expect(received).toEqual([1, 2].map((n) => ({ id: `m${n}`, attempt: 1, payload: { n }, jobId: `job-${n}` })));
    expect((await service.deadLetters(tasks)).map(({ id }) => id)).toEqual(["m0"]);
  });

  test("discard deletes dead letters only after a confirmation", async () => {
    const { run, service } = await openWithLetters(2);
    const refused = await run(["discard", "m0"], { input: "n\n", isTTY: true });
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("Discard 1 dead letter permanently?") });
    expect(await run(["discard", "m0"])).toMatchObject({ code: 2, err: expect.stringContaining("Add --yes") });
    expect(await service.stats(tasks)).toMatchObject({ dead: 2 });
    expect(await run(["discard", "m0", "--yes"])).toMatchObject({ code: 0, err: "" });
    expect((await service.deadLetters(tasks)).map(({ id }) => id)).toEqual(["m1"]);
    expect(await service.stats(tasks)).toMatchObject({ ready: 0, dead: 1 });
  });

  test("--all applies to every dead letter after a confirmation", async () => {
    const { run, service } = await openWithLetters(1_001);
    expect(await run(["redrive", "--all"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Send 1001 dead letters to the queue again?"),
    });
    const all = await run(["redrive", "--all", "--yes"]);
    expect(all).toMatchObject({ code: 0, err: "" });
    expect(lines(all.out)).toEqual([{ queue: "tasks", redriven: 1_001 }]);
    await expect.poll(() => service.stats(tasks), PATIENCE).toMatchObject({ ready: 1_001, dead: 0 });
    expect(await run(["discard", "--all"])).toEqual({ code: 0, out: "", err: "" });
  });

  test("a queue with other arguments works and stays as it is, and a missing queue is not created", async () => {
    const { prefix } = onServer(url);
    const run = commandOf(prefix);
    const missing = await run(["list"]);
    expect(missing).toMatchObject({ code: 2, out: "" });
    expect(missing.err).toContain(`The queues "${prefix}tasks" and "${prefix}tasks.dead" do not both exist`);
    const channel = await openChannel(url);
    // Declarations with the arguments of another version of the service.
    const declare = async () => {
      await channel.assertQueue(`${prefix}tasks`, { durable: true, arguments: { "x-max-length": 1_000 } });
      await channel.assertQueue(`${prefix}tasks.dead`, { durable: true });
    };
    await declare();
    channel.sendToQueue(`${prefix}tasks.dead`, Buffer.from('{"jobId":"j"}'), { messageId: "foreign" });
    await channel.waitForConfirms();
    expect(lines((await run(["list"])).out)).toMatchObject([{ id: "foreign", jobId: "j", body: '{"jobId":"j"}' }]);
    expect(lines((await run(["redrive", "foreign"])).out)).toEqual([{ queue: "tasks", redriven: 1 }]);
    await declare();
    const message = await channel.get(`${prefix}tasks`, { noAck: true });
    expect(message && String(message.content)).toBe('{"jobId":"j"}');
    // Declared wait queues would exist only if the command had created them.
    await expect(channel.checkQueue(`${prefix}tasks.wait.50`)).rejects.toThrow("NOT_FOUND");
  });

  test("an unknown action, a missing selection, several queues and an invalid address are errors in the command line", async () => {
    const run = (args: readonly string[], address = url) =>
      runHere(["dead-letters", ...args], { RABBITMQ_URL: address });
    const expectUsage = async (args: readonly string[], message: string, address?: string) => {
      expect(await run(args, address)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
    };
    await expectUsage(["list"], "No queue given");
    await expectUsage(["show", "--queue", "q"], 'Unknown action "dead-letters show"');
    await expectUsage(["list", "m1", "--queue", "q"], 'Unexpected "m1"');
    await expectUsage(["list", "--queue", "q,p"], "one queue at a time");
    await expectUsage(["redrive", "--queue", "q"], "No dead letters given");
    await expectUsage(["discard", "m1", "--all", "--queue", "q"], "but not both");
    await expectUsage(["list", "--queue", "q.dead"], "reserved");
    await expectUsage(["list", "--queue", "q"], "No RabbitMQ server given", "");
    const secret = "http://user:hunter2@host";
    await expectUsage(["list", "--queue", "q"], "`url` must be an address such as amqp://", secret);
    expect((await run(["list", "--queue", "q"], secret)).err).not.toContain("hunter2");
  });

  test("a server that cannot be reached is reported with exit code 3", async () => {
    const address = "amqp://user:hunter2@127.0.0.1:1";
    const { code, err } = await runHere(
      ["dead-letters", "list", "--queue", "q", "--timeout", "500", "--amqp-url", address],
      {},
    );
    expect(code).toBe(3);
    expect(err).toMatch(/^job-store: .*ECONNREFUSED/);
    expect(err).not.toContain("hunter2");
  });

  test("the built command finds @subtitles/queue in the project, and says what to install if it is missing", async () => {
    const project = await mkdtemp(join(tmpdir(), "dead-letters-"));
    onTestFinished(() => rm(project, { recursive: true }));
    const store = fileURLToPath(new URL("../packages/job-store", import.meta.url));
    const elsewhere = join(project, "store/node_modules");
    const own = join(elsewhere, "@subtitles/job-store");
    await mkdir(own, { recursive: true });
    await cp(join(store, "dist"), join(own, "dist"), { recursive: true });
    await cp(join(store, "package.json"), join(own, "package.json"));
    for (const name of ["ioredis", "uuid", "zod"])
      await symlink(join(store, "node_modules", name), join(elsewhere, name));
    await writeFile(join(project, "package.json"), "{}");
    const { prefix } = await openWithLetters(1);
    // The tools of the workspace set NODE_PATH, so that its packages would be found everywhere.
    const env = { ...process.env, NODE_PATH: "", RABBITMQ_URL: url };
    const run = () =>
      new Promise<{ code: ExecFileException["code"]; out: string; err: string }>((done) => {
        execFile(
          process.execPath,
          [join(own, "dist/cli.js"), "dead-letters", "list", "--queue", "tasks", "--amqp-prefix", prefix],
          { cwd: project, env, timeout: 120_000 },
          (error, out, err) => done({ code: error?.code ?? 0, out, err }),
        );
      });
    expect(await run()).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("npm install @subtitles/queue"),
    });
    await mkdir(join(project, "node_modules/@subtitles"), { recursive: true });
    await symlink(
      fileURLToPath(new URL("../packages/queue", import.meta.url)),
      join(project, "node_modules/@subtitles/queue"),
    );
    const found = await run();
    expect(found).toMatchObject({ code: 0, err: "" });
    expect(lines(found.out)).toMatchObject([{ id: "m0", jobId: "job-0" }]);
  });
});
