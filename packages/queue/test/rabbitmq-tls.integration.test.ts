import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { authority, type Certified, serverCertificate } from "../../../test/servers/certificates.js";
import { freePorts } from "../../../test/servers/ports.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { privateServer } from "../../../test/servers/require.js";
import { createBroker, QueueError } from "../src/index.js";
import { PATIENCE } from "../src/lib/contract/fixture.js";
import { type RabbitmqDriverOptions, rabbitmqDriver } from "../src/rabbitmq.js";
import { tasks } from "./rabbitmq-queues.js";

const rabbitmq = privateServer("rabbitmq");

describe.skipIf(!rabbitmq.available)(rabbitmq.title("a broker over TLS"), () => {
  let ca: Certified;
  let stranger: Certified;
  let server: PrivateServer;
  let tlsPort: number;
  let folder: string;

  beforeAll(async () => {
    [ca, stranger] = await Promise.all([authority("Ours"), authority("A stranger")]);
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
    const driver = rabbitmqDriver({ timeoutMs: 700, ...options });
    const broker = createBroker({ driver, onError: (error) => reported.push(error) });
    onTestFinished(() => broker.close({ graceMs: 0 }));
    return { broker, driver, reported };
  }

  /** What a broker says that cannot connect: in a call, in health and through onError. */
  async function refusal(options: RabbitmqDriverOptions): Promise<readonly string[]> {
    const { broker, driver, reported } = open(options);
    const error: unknown = await broker.publish(tasks, { n: 1, text: "payload-of-mine" }).catch((caught) => caught);
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    const health = await broker.health({ timeoutMs: 200 });
    expect(health).toMatchObject({ status: "unhealthy", latencyMs: null });
    expect(reported.every((each) => QueueError.is(each, "UNAVAILABLE"))).toBe(true);
    const everything = inspect([error, health, reported, driver], { depth: 10, showHidden: true });
    expect(everything).not.toMatch(/s3cret|payload-of-mine|PRIVATE KEY/);
    return [String(error), String(health.error), ...reported.map(String)];
  }

  const address = (port: number, password = "guest") => `amqps://guest:${password}@127.0.0.1:${port}`;

  test("works where the server's certificate is of the authority that is given", async () => {
    const { broker } = open({ url: address(tlsPort), tls: { ca: ca.cert }, timeoutMs: 10_000 });
    const seen: number[] = [];
    await broker.consume(tasks, async ({ payload }) => void seen.push(payload.n));
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => seen, PATIENCE).toEqual([1]);
    expect(await broker.health()).toMatchObject({ status: "healthy" });
  });

  test.each([
    { name: "no authority", tls: () => ({}) },
    { name: "another authority", tls: () => ({ ca: stranger.cert }) },
  ])("refuses a certificate where $name is given", async ({ tls }) => {
    for (const said of await refusal({ url: address(tlsPort, "s3cret"), tls: tls() })) {
      expect(said).toMatch(/certificate was refused: (?:unable to verify|unable to get|self-signed)/);
    }
  });

  test.each([
    {
      name: "a date that is past",
      options: { expired: true },
      why: /certificate was refused: certificate has expired/,
    },
    {
      name: "another host's name",
      options: { ip: "192.0.2.1" },
      why: /refused: .*127\.0\.0\.1 is not in the cert's list/,
    },
  ])("refuses a certificate with $name", async ({ options, why }) => {
    const imposter = createTlsServer(await serverCertificate(ca, options), (socket) => socket.on("error", () => {}));
    const url = address(await listen(imposter), "s3cret");
    for (const said of await refusal({ url, tls: { ca: ca.cert } })) expect(said).toMatch(why);
  });

  test("refuses a server that speaks plainly", async () => {
    for (const said of await refusal({ url: address(server.port, "s3cret"), tls: { ca: ca.cert } })) {
      expect(said).toMatch(/not TLS; perhaps its address begins with amqp:/);
    }
  });

  test("is not reached by one that speaks plainly", async () => {
    for (const said of await refusal({ url: `amqp://guest:s3cret@127.0.0.1:${tlsPort}` })) {
      expect(said).toMatch(/perhaps its address begins with amqps:/);
    }
  });

  test("refuses a wrong password, and says so without it", async () => {
    for (const said of await refusal({ url: address(tlsPort, "s3cret"), tls: { ca: ca.cert } })) {
      expect(said).toContain("ACCESS_REFUSED");
    }
  });

  test("gives up a server that never answers, and its socket", async () => {
    const ended: string[] = [];
    const mute = createServer((socket) =>
      socket
        .on("error", () => {})
        .on("close", () => ended.push("closed"))
        .resume(),
    );
    const { broker } = open({ url: address(await listen(mute)), tls: { ca: ca.cert }, timeoutMs: 500 });
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
