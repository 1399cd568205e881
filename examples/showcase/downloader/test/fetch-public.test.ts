import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { fetchPublic, type LookupAll } from "../src/net/fetch-public.js";
import { isPublicAddress } from "../src/net/public-address.js";
import { whileCollectingGarbage } from "./garbage.js";

const signal = new AbortController().signal;
const options = { signal, maxBytes: 1000 };

async function serve(answer: RequestListener) {
  const seen = vi.fn();
  const server = createServer((request, response) => {
    seen(request.url);
    answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, seen };
}

/** Resolver that returns one of these sets of addresses per call. The last set is repeated. */
function resolving(...answers: readonly (readonly string[])[]) {
  let call = 0;
  return vi.fn<LookupAll>((_host, _options, done) => {
    const addresses = answers[Math.min(call++, answers.length - 1)] ?? [];
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  });
}

test.each(["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "172.32.0.1", "100.128.0.1"])(
  "%s is public",
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each([
  "127.0.0.1",
  "127.255.1.1",
  "0.0.0.0",
  "10.1.2.3",
  "172.16.0.1",
  "192.168.1.1",
  "169.254.169.254",
  "100.64.0.1",
  "198.18.0.1",
  "192.0.2.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::7f00:1",
  "fe80::1",
  "fe80::1%eth0",
  "fc00::1",
  "ff02::1",
  "2002:7f00:1::",
  "2001::1",
  "2001:db8::1",
  "localhost",
  "0177.0.0.1",
  "",
])("%j is not public", (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each([
  "http://127.0.0.1:PORT/",
  "http://2130706433:PORT/",
  "http://0x7f000001:PORT/",
  "http://0177.0.0.1:PORT/",
  "http://127.1:PORT/",
  "http://0:PORT/",
  "http://localhost:PORT/",
  "http://[::ffff:127.0.0.1]:PORT/",
  "http://[::ffff:7f00:1]:PORT/",
  "http://[::1]:PORT/",
  "http://①②⑦.0.0.1:PORT/",
  "http://user:password@93.184.216.34:PORT/",
  "file:///etc/passwd",
  "ftp://127.0.0.1:PORT/",
  "not an address",
])("%s is rejected, and nothing is sent", async (address) => {
  const { port, seen } = await serve((_request, response) => response.end("secret"));
  await expect(fetchPublic(address.replace("PORT", String(port)), options)).rejects.toThrow(
    expect.objectContaining({ name: "FetchRefused" }),
  );
  expect(seen).not.toHaveBeenCalled();
});

test("a name is rejected if any of its addresses is not public", async () => {
  const { port, seen } = await serve((_request, response) => response.end("secret"));
  const lookup = resolving(["93.184.216.34", "127.0.0.1"]);
  await expect(fetchPublic(`http://films.example:${port}/`, { ...options, lookup })).rejects.toThrow(
    "Not a public address.",
  );
  expect(seen).not.toHaveBeenCalled();
});

test("a name is resolved once, and the connection uses the checked address, also if the name changes", async () => {
  const { port, seen } = await serve((_request, response) => response.end("secret"));
  const lookup = resolving(["192.0.2.1"], ["127.0.0.1"]);
  await expect(fetchPublic(`http://films.example:${port}/`, { ...options, lookup })).rejects.toThrow(
    "Not a public address.",
  );
  expect(lookup).toHaveBeenCalledTimes(1);
  expect(seen).not.toHaveBeenCalled();
});

test("a redirect is checked like the first address", async () => {
  const inside = await serve((_request, response) => response.end("secret"));
  const { origin } = await serve((_request, response) =>
    response.writeHead(302, { location: `${inside.origin}/latest` }).end(),
  );
  await expect(fetchPublic(`${origin}/`, { ...options, trustedOrigins: [origin] })).rejects.toThrow(
    "Not a public address.",
  );
  expect(inside.seen).not.toHaveBeenCalled();
});

test("redirects are followed up to a limit", async () => {
  const { origin } = await serve((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end();
    else response.end("there");
  });
  const trusting = { ...options, trustedOrigins: [origin] };
  expect(String((await fetchPublic(`${origin}/3`, trusting)).body)).toBe("there");
  await expect(fetchPublic(`${origin}/4`, trusting)).rejects.toThrow("More than 3 redirects.");
});

test("a file that is too large is rejected during the transfer, for any declared length", async () => {
  const { origin } = await serve((_request, response) => {
    for (let at = 0; at < 100; at++) response.write("x".repeat(100));
    response.end();
  });
  await expect(fetchPublic(origin, { ...options, trustedOrigins: [origin] })).rejects.toThrow("More than 1000 bytes.");
});

test("a server that does not answer, or stops during the reply, fails the call after its timeout", async () => {
  const { origin } = await serve((request, response) => {
    if (request.url === "/half") response.write("half");
  });
  const slow = { ...options, trustedOrigins: [origin], timeoutMs: 300 };
  for (const path of ["/", "/half"]) {
    await expect(whileCollectingGarbage(fetchPublic(`${origin}${path}`, slow))).rejects.toThrow();
  }
});
