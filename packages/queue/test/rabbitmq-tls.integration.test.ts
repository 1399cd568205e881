import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { authority, type Certified, serverCertificate } from "../../../test/servers/certificates.js";
import { freePorts } from "../../../test/servers/ports.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { privateServer } from "../../../test/servers/require.js";
import { skippableTime } from "../../job-store/test/skip-time.js";
import { createBroker, QueueError } from "../src/index.js";
import { PATIENCE } from "../src/lib/contract/fixture.js";
import { type RabbitmqDriverOptions, rabbitmqDriver } from "../src/rabbitmq.js";
import { tasks } from "./rabbitmq-queues.js";

/** Timeout of calls that cannot connect. The tests skip it. */
const TIMEOUT_MS = 60_000;

const rabbitmq = privateServer("rabbitmq");

describe.skipIf(!rabbitmq.available)(rabbitmq.title("a broker over TLS"), () => {
  let ca: Certified;
  let otherAuthority: Certified;
  let server: PrivateServer;
  let tlsPort: number;
  let folder: string;

  beforeAll(async () => {
    [ca, otherAuthority] = await Promise.all([authority("Ours"), authority("A otherAuthority")]);
    const { key, cert } = await serverCertificate(ca);
    folder = await mkdtemp(join(tmpdir(), "subtitles-tls-"));
    const files = { cacertfile: ca.cert, certfile: cert, keyfile: key };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    [tlsPort = 0] = await freePorts(1);
    server = await startRabbitmq({
      config: [
        `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
        ...Object.keys(files).map((name) => `ssl_options.${name} = ${join(folder, name)}`),
        "ssl_options.verify = verify_none",
        "ssl_options.fail_if_no_peer_cert = false",
      ],
    });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function open(options: RabbitmqDriverOptions) {
    const reported: unknown[] = [];
    const driver = rabbitmqDriver(options);
    const broker = createBroker({ driver, onError: (error) => reported.push(error) });
    onTestFinished(() => broker.close({ graceMs: 0 }));
    return { broker, driver, reported };
  }

  /** Returns the errors of a broker that cannot connect: of a call, of health and of onError, without those of a time limit. */
  async function connectErrors(options: RabbitmqDriverOptions): Promise<readonly string[]> {
    const skip = skippableTime();
    const { broker, driver, reported } = open({ timeoutMs: TIMEOUT_MS, ...options });
    const failing = broker.publish(tasks, { n: 1, text: "secret-payload" }).catch((caught: unknown) => caught);
    await vi.waitUntil(() => reported.length > 0, PATIENCE);
    skip(TIMEOUT_MS);
    const error = await failing;
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    const health = await broker.health({ timeoutMs: 200 });
    expect(health).toMatchObject({ status: "unhealthy", latencyMs: null });
    expect(reported.every((each) => QueueError.is(each, "UNAVAILABLE"))).toBe(true);
    const everything = inspect([error, health, reported, driver], { depth: 10, showHidden: true });
    expect(everything).not.toMatch(/s3cret|secret-payload|PRIVATE KEY/);
    // The skipped time also ends an attempt to connect that is in progress.
    const texts = [String(error), String(health.error), ...reported.map(String)];
    const reasons = texts.filter((text) => !text.includes("no reply arrived within"));
    expect(reasons.length).toBeGreaterThan(0);
    return reasons;
  }

  const address = (port: number, password = "guest") => `amqps://guest:${password}@127.0.0.1:${port}`;

  test("connects if the given authority signed the server's certificate", async () => {
    const { broker } = open({ url: address(tlsPort), tls: { ca: ca.cert }, timeoutMs: 10_000 });
    const seen: number[] = [];
    await broker.consume(tasks, async ({ payload }) => void seen.push(payload.n));
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => seen, PATIENCE).toEqual([1]);
    expect(await broker.health()).toMatchObject({ status: "healthy" });
  });

  test.each([
    { name: "no authority", tls: () => ({}) },
    { name: "another authority", tls: () => ({ ca: otherAuthority.cert }) },
  ])("rejects the certificate if $name is given", async ({ tls }) => {
    for (const text of await connectErrors({ url: address(tlsPort, "s3cret"), tls: tls() })) {
      expect(text).toMatch(/certificate was rejected: (?:unable to verify|unable to get|self-signed)/);
    }
  });

  test.each([
    {
      name: "an expiry date in the past",
      options: { expired: true },
      why: /certificate was rejected: certificate has expired/,
    },
    {
      name: "the name of another host",
      options: { ip: "192.0.2.1" },
      why: /rejected: .*127\.0\.0\.1 is not in the cert's list/,
    },
  ])("rejects a certificate with $name", async ({ options, why }) => {
    const imposter = createTlsServer(await serverCertificate(ca, options), (socket) => socket.on("error", () => {}));
    const url = address(await listen(imposter), "s3cret");
    for (const text of await connectErrors({ url, tls: { ca: ca.cert } })) expect(text).toMatch(why);
  });

  test("suggests amqp:// if the server does not use TLS", async () => {
    for (const text of await connectErrors({ url: address(server.port, "s3cret"), tls: { ca: ca.cert } })) {
      expect(text).toMatch(/not TLS; the server may not use TLS: try amqp:/);
    }
  });

  test("suggests amqps:// if the server requires TLS", async () => {
    for (const text of await connectErrors({ url: `amqp://guest:s3cret@127.0.0.1:${tlsPort}` })) {
      expect(text).toMatch(/the server may require TLS: try amqps:/);
    }
  });

  test("reports a wrong password without quoting it", async () => {
    for (const text of await connectErrors({ url: address(tlsPort, "s3cret"), tls: { ca: ca.cert } })) {
      expect(text).toContain("ACCESS_REFUSED");
    }
  });

  test("closes the socket of a server that does not respond", async () => {
    const ended: string[] = [];
    const unresponsive = createServer((socket) =>
      socket
        .on("error", () => {})
        .on("close", () => ended.push("closed"))
        .resume(),
    );
    const { broker } = open({ url: address(await listen(unresponsive)), tls: { ca: ca.cert }, timeoutMs: 500 });
    await expect(broker.publish(tasks, { n: 1 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await broker.close({ graceMs: 0 });
    await expect.poll(() => ended, PATIENCE).toEqual(["closed"]);
  });
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
