import { expect, test } from "vitest";
import { z } from "zod";
import { libreTranslateProvider } from "../../src/providers/libretranslate.js";
import { cuesOf, PAIR, type StubReply, shared, signal, startStub } from "./stub.js";

/** Replies like LibreTranslate: the text changes, and the tags of HTML are kept. */
const perfect = (q: readonly string[]): StubReply => ({
  body: { translatedText: q.map((text) => text.replaceAll("Hello", "Hola").replaceAll("you", "tú")) },
});

async function translate(
  texts: readonly string[],
  answer: (q: readonly string[], nth: number) => StubReply = perfect,
  pair = PAIR,
) {
  const stub = await startStub(z.looseObject({ q: z.array(z.string()) }), ({ body }, nth) => answer(body.q, nth));
  const provider = libreTranslateProvider({ ...shared(), baseUrl: stub.baseUrl, apiKey: "secret-key", maxRetries: 1 });
  const replies = () => provider.translate(cuesOf(...texts), pair, signal);
  return { stub, replies };
}

test("each speaker's turn is sent alone, and dashes, tags and odd characters are kept", async () => {
  const { stub, replies } = await translate([
    "- Hello\nyou\n- <i>Hello</i> {\\an8}you & <b>",
    "Hello <v Ann>you 1 < 2",
  ]);
  expect((await replies()).map(({ translation }) => translation)).toEqual([
    { text: "- Hola tú\n- <i>Hola</i> {\\an8}tú & <b>", match: "machine", score: 1 },
    { text: "Hola <v Ann>tú 1 < 2", match: "machine", score: 1 },
  ]);
  expect(stub.calls[0]?.path).toBe("/translate");
  expect(stub.calls[0]?.body).toEqual({
    q: ["Hello you", '<i>Hello</i> <b id="t0"></b>you &amp; <b>', 'Hello <b id="t0"></b>you 1 &lt; 2'],
    source: "en",
    target: "es",
    format: "html",
    api_key: "secret-key",
  });
});

test("requests have the service's codes of languages", async () => {
  const { stub, replies } = await translate(["Hello"], perfect, { source: "en-GB", target: "zh-TW" });
  await replies();
  expect(stub.calls[0]?.body).toMatchObject({ source: "en", target: "zh-Hant" });
});

test("a reply with another number of texts is rejected", async () => {
  const { replies } = await translate(["Hello", "you"], () => ({ body: { translatedText: ["Hola"] } }));
  await expect(replies()).rejects.toThrow(expect.objectContaining({ code: "PROVIDER_REPLY" }));
});

test.each([
  [400, { error: "xx is not supported" }, { code: "LANGUAGE_PAIR" }],
  [400, { error: "q is too long" }, { code: "PROVIDER_REFUSED" }],
  [403, { error: "Invalid API key: secret-key" }, { code: "PROVIDER_UNAVAILABLE", retryable: true }],
])("%i with %j fails the job", async (status, body, expected) => {
  const { stub, replies } = await translate(["Hello"], () => ({ status, body }));
  const error = await replies().catch((reason: unknown) => reason);
  expect(error).toMatchObject(expected);
  expect(String(error)).not.toContain("secret-key");
  expect(stub.calls).toHaveLength(1);
});

test("the call waits after a 429", async () => {
  const { stub, replies } = await translate(["Hello"], (q, nth) =>
    nth === 1 ? { status: 429, headers: { "retry-after": "0" }, body: { error: "Slowdown" } } : perfect(q),
  );
  expect((await replies())[0]?.translation?.text).toBe("Hola");
  expect(stub.calls).toHaveLength(2);
});

test("all character references in an answer are decoded", async () => {
  const { replies } = await translate(["Hello"], () => ({
    body: { translatedText: ["&iexcl;Hola&#x21; &#39;t&uacute;&apos; &hellip; &amp;amp;"] },
  }));
  expect((await replies())[0]?.translation?.text).toBe("¡Hola! 'tú' … &amp;");
});
