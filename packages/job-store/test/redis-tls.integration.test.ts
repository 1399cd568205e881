import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { authority, type Certified, serverCertificate } from "../../../test/servers/certificates.js";
import { freePorts } from "../../../test/servers/ports.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { failureOf, openStore } from "./redis-store.js";
import { skippableTime } from "./skip-time.js";

/** Timeout of calls that cannot connect. The tests skip it. */
const TIMEOUT_MS = 60_000;

const { available, title } = privateServer("redis");

/** Starts a server with a certificate. Returns its addresses with and without TLS. */
async function startSecure({ key, cert }: Certified) {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-tls-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
  const [tlsPort = 0] = await freePorts(1);
  const redis = await startRedis({
    args: [
      ...["--tls-port", `${tlsPort}`, "--tls-key-file", keyFile, "--tls-cert-file", certFile],
      ...["--tls-ca-cert-file", certFile, "--tls-auth-clients", "no", "--requirepass", "s3cret"],
    ],
  });
  onTestFinished(() => redis.stop());
  return { tlsPort, plainPort: redis.port };
}

describe.skipIf(!available)(title("A store over TLS"), () => {
  let ca: Certified;
  let untrusted: Certified;

  beforeAll(async () => {
    ca = await authority("Trusted authority");
    untrusted = await authority("Another authority");
  });

  /** Returns the error of a call, and of health, for a store that cannot connect. */
  async function refusal(url: string, tls?: object): Promise<string> {
    const skip = skippableTime();
    const { store, events } = openStore({ url, timeoutMs: TIMEOUT_MS, ...(tls && { redis: { tls } }) });
    const failing = failureOf(store.create({ title: "payload-of-mine" }));
    await vi.waitUntil(() => events.length > 0, PATIENCE);
    skip(TIMEOUT_MS);
    const error = await failing;
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    const health = await store.health({ timeoutMs: 300 });
    expect(health).toMatchObject({ status: "unhealthy", latencyMs: null });
    expect(JSON.stringify([error, error.message, error.stack, health, events])).not.toMatch(/s3cret|payload-of-mine/);
    return `${error.message}\n${health.error}`;
  }

  test("works if the certificate of the server is from a trusted authority", async () => {
    const { tlsPort } = await startSecure(await serverCertificate(ca));
    const { store } = openStore({ url: `rediss://:s3cret@127.0.0.1:${tlsPort}`, redis: { tls: { ca: ca.cert } } });
    const { job } = await store.create({ title: "One" }, { outbox: [{ queue: "reports", payload: 1 }] });
    expect(await store.get(job.id)).toEqual(job);
    // Blocking reads have a separate connection.
    expect(await store.outbox.read({ waitMs: 1000 })).toHaveLength(1);
    const waiting = store.outbox.read({ waitMs: 10_000 });
    await store.create({ title: "Two" }, { outbox: [{ queue: "reports", payload: 2 }] });
    expect(await waiting).toMatchObject([{ payload: 2 }]);
    expect((await store.health()).status).toBe("healthy");
  });

  test.each([
    {
      name: "an authority that is not trusted",
      certificate: () => serverCertificate(untrusted),
      why: /unable to verify|unable to get (local )?issuer|self-signed/,
    },
    {
      name: "an expired date",
      certificate: () => serverCertificate(ca, { expired: true }),
      why: /certificate has expired/,
    },
    {
      name: "the name of another host",
      certificate: () => serverCertificate(ca, { ip: "192.0.2.1" }),
      why: /127\.0\.0\.1 is not in the cert's list/,
    },
  ])("rejects a certificate with $name", async ({ certificate, why }) => {
    const { tlsPort } = await startSecure(await certificate());
    const said = await refusal(`rediss://:s3cret@127.0.0.1:${tlsPort}`, { ca: ca.cert });
    for (const line of said.split("\n")) expect(line).toMatch(why);
  });

  test("rejects a server without TLS", async () => {
    const { plainPort } = await startSecure(await serverCertificate(ca));
    const said = await refusal(`rediss://:s3cret@127.0.0.1:${plainPort}`, { ca: ca.cert });
    for (const line of said.split("\n")) expect(line).toMatch(/the server may not use TLS: try redis:/);
  });

  test("is not reachable with an address without TLS", async () => {
    const { tlsPort } = await startSecure(await serverCertificate(ca));
    const said = await refusal(`redis://:s3cret@127.0.0.1:${tlsPort}`);
    for (const line of said.split("\n")) expect(line).toMatch(/rediss:\/\//);
  });
});
