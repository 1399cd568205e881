import { RetryLater } from "@subtitles/queue/worker";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { libreTranslateProvider } from "../../src/providers/libretranslate.js";
import { openAiProvider } from "../../src/providers/openai/index.js";
import { completion } from "./openai-stub.js";
import { cuesOf, PAIR, type StubReply, shared, signal, startStub } from "./stub.js";

const KEY = "a-k3y-that-no-error-shows";
const cues = cuesOf("One line here", "- <i>Two</i>\n- lines here", "Three & more");

const whatever = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>("", "<html>", "[".repeat(20_000), `{"__proto__":{"admin":true}}`, "x".repeat(100_000)),
);
const status = fc.constantFrom(200, 200, 200, 204, 400, 404, 500);
/** Generates a correct reply down to some depth, and any values below. */
const entry = fc.record({ id: fc.oneof(fc.integer({ min: 0, max: 4 }), whatever), start: whatever, text: whatever });
const content = fc.oneof(
  fc.record({ translations: fc.oneof(fc.array(entry), whatever) }).map((said) => JSON.stringify(said)),
  whatever.map((said) => JSON.stringify(said)),
  fc.string(),
);

/**
 * Sends requests to a server with this reply. Each cue gets an answer, or the call fails with an error that does not contain the
 * key.
 */
async function ask(
  replies: fc.Arbitrary<StubReply>,
  open: (baseUrl: string) => ReturnType<typeof openAiProvider>,
): Promise<void> {
  let next: StubReply = {};
  const stub = await startStub(z.unknown(), () => next);
  await fc.assert(
    fc.asyncProperty(replies, async (reply) => {
      next = reply;
      try {
        const answers = await open(stub.baseUrl).translate(cues, PAIR, signal);
        expect(answers.map(({ index }) => index)).toEqual(cues.map(({ index }) => index));
        for (const { translation } of answers) {
          if (translation !== null) expect(typeof translation.text).toBe("string");
        }
      } catch (error) {
        if (!RetryLater.is(error)) expect(error).toMatchObject({ code: expect.any(String) });
        expect(String((error as Error).stack)).not.toContain(KEY);
      }
    }),
    { numRuns: 150 },
  );
  expect(Object.prototype).not.toHaveProperty("admin");
}

// Hundreds of requests: on a busy machine they take longer than the default limit of a test.
const timeout = 120_000;

test("for any reply of a chat service, its provider returns a result or fails with an error of its own", {
  timeout,
}, async () => {
  const replies = fc.oneof(
    content.map((said) => completion(said)),
    fc.record({ status, body: fc.oneof(whatever, fc.record({ choices: whatever })) }),
  );
  await ask(replies, (baseUrl) =>
    openAiProvider({ ...shared(), baseUrl: `${baseUrl}/v1`, apiKey: KEY, model: "test-model", maxRetries: 0 }),
  );
});

test("for any reply of LibreTranslate, its provider returns a result or fails with an error of its own", {
  timeout,
}, async () => {
  const replies = fc.record({
    status,
    body: fc.oneof(fc.record({ translatedText: fc.oneof(fc.array(whatever), whatever) }), whatever),
  });
  await ask(replies, (baseUrl) => libreTranslateProvider({ ...shared(), baseUrl, apiKey: KEY, maxRetries: 0 }));
});
