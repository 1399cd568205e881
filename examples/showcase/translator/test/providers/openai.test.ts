import { describe, expect, test } from "vitest";
import { type OpenAiOptions, openAiProvider } from "../../src/providers/openai/index.js";
import { whileCollectingGarbage } from "../garbage.js";
import { completion, failure, linesIn, questionIn, startOpenAi } from "./openai-stub.js";
import { cuesOf, PAIR, shared, signal } from "./stub.js";

type Stub = Awaited<ReturnType<typeof startOpenAi>>;
const providerFor = (stub: Stub, options: Partial<OpenAiOptions> = {}) =>
  openAiProvider({
    ...shared(),
    baseUrl: `${stub.baseUrl}/v1`,
    apiKey: "secret-key",
    model: "test-model",
    maxRetries: 1,
    ...options,
  });

/** Returns the texts by cue, null if there is none. */
async function translate(stub: Stub, texts: readonly string[], options: Partial<OpenAiOptions> = {}) {
  const replies = await providerFor(stub, options).translate(cuesOf(...texts), PAIR, signal);
  return replies.map(({ translation }) => translation?.text ?? null);
}
const asked = (stub: Stub) => stub.calls.map((call) => linesIn(call).map(({ id }) => id));
const texts = ["One line here", "Two lines here", "Three lines here", "Four lines here"];
const translated = texts.map((text) => `es:${text}`);

test("lines are sent with ids, context, a strict schema and the key, and answers are machine translations", async () => {
  const stub = await startOpenAi();
  const before = [{ source: "Earlier", target: "Antes" }];
  const replies = await providerFor(stub).translate(cuesOf("One", "Two"), PAIR, signal, before);
  expect(replies).toEqual([
    { index: 1, translation: { text: "es:One", match: "machine", score: 1 } },
    { index: 2, translation: { text: "es:Two", match: "machine", score: 1 } },
  ]);
  const [call] = stub.calls;
  expect(call?.path).toBe("/v1/chat/completions");
  expect(call?.headers.authorization).toBe("Bearer secret-key");
  expect(call && questionIn(call)).toEqual({
    before,
    lines: [
      { id: 1, text: "One" },
      { id: 2, text: "Two" },
    ],
  });
  expect(call?.body).toMatchObject({
    model: "test-model",
    response_format: { type: "json_schema", json_schema: { strict: true } },
  });
  expect(call?.body).not.toHaveProperty("temperature");
  expect(call?.body.messages[0].content).toContain("from English to Spanish");
});

describe("an answer with faults", () => {
  test("is used if it is incomplete, and only the missing lines are requested again", async () => {
    const stub = await startOpenAi((all, { nth }) => (nth === 1 ? all.filter(({ id }) => id !== 3) : all));
    expect(await translate(stub, texts)).toEqual(translated);
    expect(asked(stub)).toEqual([[1, 2, 3, 4], [3]]);
  });

  test("can have another order, ids as text, and additional entries", async () => {
    const stub = await startOpenAi((all) => [
      ...all.toReversed().map((one) => ({ ...one, id: String(one.id) })),
      { id: 99, start: "x", text: "y" },
    ]);
    expect(await translate(stub, texts)).toEqual(translated);
    expect(stub.calls).toHaveLength(1);
  });

  test("is rejected for lines whose texts have moved", async () => {
    const stub = await startOpenAi((all, { nth }) =>
      nth === 1
        ? all.map(({ id }, at) => ({ ...(all[(at + 1) % all.length] ?? all[0]), id }) as (typeof all)[number])
        : all,
    );
    expect(await translate(stub, texts)).toEqual(translated);
    expect(asked(stub)).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
  });

  test("is rejected for an id with two texts", async () => {
    const stub = await startOpenAi((all, { nth }) =>
      nth === 1 && all[0] ? [...all, { ...all[0], text: "otra" }] : all,
    );
    expect(await translate(stub, texts)).toEqual(translated);
    expect(asked(stub)).toEqual([[1, 2, 3, 4], [1]]);
  });

  test("is rejected for a line that has lost its tags", async () => {
    const marked = "A <i>word</i> {\\an8}and more";
    const stub = await startOpenAi((all, { nth }) =>
      nth === 1 ? all.map((one) => ({ ...one, text: "sin nada" })) : all,
    );
    expect(await translate(stub, [marked])).toEqual([`es:${marked}`]);
    expect(stub.calls).toHaveLength(2);
  });

  test("that repeats the source is rejected", async () => {
    const stub = await startOpenAi((_all, { lines }) => lines.map(({ id, text }) => ({ id, start: text, text })));
    expect(await translate(stub, ["A whole line stays here", "Marta"])).toEqual([null, "Marta"]);
  });

  test.each([
    ["a code block", (json: string) => `Sure!\n\`\`\`json\n${json}\n\`\`\``],
    ["broken entries among good ones", (json: string) => json.replace("[", '[null,{"id":1},')],
  ])("is read through %s", async (_name, wrap) => {
    const stub = await startOpenAi((all) => completion(wrap(JSON.stringify({ translations: all }))));
    expect(await translate(stub, texts)).toEqual(translated);
    expect(stub.calls).toHaveLength(1);
  });

  test.each([
    ["a bare array", (entries: readonly object[]) => JSON.stringify(entries)],
    ["JSON lines", (entries: readonly object[]) => entries.map((one) => JSON.stringify(one)).join("\n")],
    ["indented JSON", (entries: readonly object[]) => JSON.stringify({ translations: entries }, null, 2)],
    ["a list under another name", (entries: readonly object[]) => JSON.stringify({ lines: entries })],
    [
      "a block of thoughts with a draft",
      (entries: readonly object[]) =>
        `<think>\nThe 2" screen {"id":1,"start":"One line here","text":"borrador"}\n</think>\n${JSON.stringify(entries)}`,
    ],
    ["thoughts without their first tag", (entries: readonly object[]) => `Hm {"</think>${JSON.stringify(entries)}`],
  ])("is read from %s", async (_name, write) => {
    const stub = await startOpenAi((all) => completion(write(all)));
    expect(await translate(stub, texts)).toEqual(translated);
    expect(stub.calls).toHaveLength(1);
  });

  test("is read from parts", async () => {
    const stub = await startOpenAi((all) => {
      const text = JSON.stringify({ translations: all });
      const parts = [
        { type: "thinking", thinking: [] },
        { type: "text", text: text.slice(0, 9) },
        { type: "text", text: text.slice(9) },
      ];
      return completion(null, {}, { content: parts });
    });
    expect(await translate(stub, texts)).toEqual(translated);
  });

  test("with braces, quotation marks and line breaks in its texts is read", async () => {
    const stub = await startOpenAi((_all, { lines }) =>
      lines.map(({ id, text }) => ({ id, start: text, text: `a } "b" \\ {\nc` })),
    );
    expect(await translate(stub, ["One line here"])).toEqual(['a } "b" \\ {\nc']);
  });

  test("that consists only of thoughts contains no translation", async () => {
    const stub = await startOpenAi((all) => completion(`<think>${JSON.stringify(all)}`));
    expect(await translate(stub, ["One"])).toEqual([null]);
  });

  test.each([
    ["no JSON", completion("I'd rather not use JSON.")],
    ["nothing", completion(null)],
    ["no choice", { body: { choices: [] } }],
    ["something else", { body: { hello: 1 } }],
  ])("that is %s costs a bounded number of calls, and covers nothing", async (_name, reply) => {
    const stub = await startOpenAi(() => reply);
    expect(
      await translate(
        stub,
        Array.from({ length: 40 }, (_, at) => `Line number ${at}`),
      ),
    ).toEqual(Array(40).fill(null));
    expect(stub.calls.length).toBeLessThanOrEqual(16);
  });
});

describe("a request that is too long or rejected is halved", () => {
  test.each([
    [
      "the context is too small",
      failure(400, { code: "context_length_exceeded", message: "maximum context length is 10 tokens" }),
    ],
    [
      "a server of one's own says so in words",
      { status: 400, body: { error: "the request exceeds the available context size" } },
    ],
    ["the answer is cut off", completion('{"translations":[', { finish_reason: "length" })],
    ["the model refuses", completion(null, {}, { refusal: "I'm sorry." })],
    ["a filter refuses", completion("", { finish_reason: "content_filter" })],
    ["a filter refuses before", failure(400, { code: "content_filter" })],
  ])("after %s", async (_name, reply) => {
    const stub = await startOpenAi((all, { lines }) => (lines.some(({ id }) => id === 3) ? reply : all));
    expect(await translate(stub, texts)).toEqual(["es:One line here", "es:Two lines here", null, "es:Four lines here"]);
    expect(asked(stub)).toEqual([[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]);
  });
});

test("the complete entries of an answer that is cut off are used, and the other cues are requested again", async () => {
  const stub = await startOpenAi((all) => {
    const said = JSON.stringify({ translations: all });
    const isCut = all.length > 2;
    return completion(isCut ? said.slice(0, said.indexOf("Three") + 2) : said, {
      finish_reason: isCut ? "length" : "stop",
    });
  });
  expect(await translate(stub, texts)).toEqual(translated);
  expect(asked(stub)).toEqual([
    [1, 2, 3, 4],
    [3, 4],
  ]);
});

test.each([
  ["three cues apart", [7, 23, 41]],
  ["eight cues apart", [1, 8, 14, 20, 27, 33, 40, 50]],
  ["ten cues in a row", [20, 21, 22, 23, 24, 25, 26, 27, 28, 29]],
  ["ten cues at the start", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
])("a filter that rejects %s of fifty cues affects no other cue", async (_name, refused) => {
  const all = Array.from({ length: 50 }, (_, at) => `Line number ${at + 1} of the film`);
  const stub = await startOpenAi((perfect, { lines }) =>
    lines.some(({ id }) => refused.includes(id)) ? failure(400, { code: "content_filter" }) : perfect,
  );
  expect(await translate(stub, all)).toEqual(all.map((text, at) => (refused.includes(at + 1) ? null : `es:${text}`)));
});

test("a filter that rejects everything causes a limited number of calls", async () => {
  const stub = await startOpenAi(() => failure(400, { code: "content_filter" }));
  const all = Array.from({ length: 200 }, (_, at) => `Line number ${at + 1} of the film`);
  expect(await translate(stub, all)).toEqual(all.map(() => null));
  expect(stub.calls.length).toBeLessThan(40);
});

test("a model that can translate only a few lines at once translates all of them", async () => {
  const stub = await startOpenAi((all) => (all.length > 3 ? completion("I lost count.") : all));
  const all = Array.from({ length: 50 }, (_, at) => `Line number ${at + 1} of the film`);
  expect(await translate(stub, all)).toEqual(all.map((text) => `es:${text}`));
});

test("a model without schemas is asked for JSON, one without JSON for text, and later calls use the same format", async () => {
  const known = ["text"];
  const stub = await startOpenAi((all) => {
    const format = stub.calls.at(-1)?.body.response_format?.type ?? "text";
    return known.includes(format) ? all : failure(400, { message: `response_format ${format} is not supported` });
  });
  const provider = providerFor(stub);
  await provider.translate(cuesOf("One"), PAIR, signal);
  expect(stub.calls.map(({ body }) => body.response_format?.type)).toEqual(["json_schema", "json_object", undefined]);
  await provider.translate(cuesOf("One"), PAIR, signal);
  expect(stub.calls).toHaveLength(4);
});

describe("a service that", () => {
  const once = (reply: ReturnType<typeof failure>) => startOpenAi((all, { nth }) => (nth === 1 ? reply : all));

  test("is busy is called again at the time that it names", async () => {
    const stub = await once(failure(429, { code: "rate_limit_exceeded" }, { "retry-after": "0" }));
    expect(await translate(stub, texts)).toEqual(translated);
  });

  test("is busy for a long time is not called by any worker until then", async () => {
    const stub = await once(failure(429, { code: "rate_limit_exceeded" }, { "retry-after": "60" }));
    const { states, log } = shared();
    await expect(translate(stub, texts, { states, log })).rejects.toThrow(
      expect.objectContaining({ name: "RetryLater", message: expect.stringContaining("too many requests") }),
    );
    await expect(translate(stub, texts, { states, log })).rejects.toThrow("cannot be called: too many requests");
    expect(stub.calls).toHaveLength(1);
    expect(await states.get("openai")).toMatchObject({ reason: "too many requests" });
  });

  test("has no credit left is not called for some time, and the job has the reason", async () => {
    const stub = await once(failure(429, { code: "insufficient_quota" }));
    await expect(translate(stub, texts)).rejects.toThrow(
      expect.objectContaining({
        code: "PROVIDER_UNAVAILABLE",
        retryable: true,
        message: expect.stringContaining("no credit left"),
      }),
    );
    expect(stub.calls).toHaveLength(1);
  });

  test("loses the connection is called again", async () => {
    const stub = await once({ status: 502, headers: {}, body: "<html>Bad gateway</html>" });
    expect(await translate(stub, texts)).toEqual(translated);
  });

  test("never answers fails after the timeout, although garbage is collected", async () => {
    const stub = await startOpenAi(() => new Promise(() => {}));
    const call = translate(stub, texts, { timeoutMs: 300, maxRetries: 0 });
    await expect(whileCollectingGarbage(call)).rejects.toThrow(
      expect.objectContaining({ name: "RetryLater", message: "The model test-model cannot be reached." }),
    );
  });

  test("stays out of order is tried again later", async () => {
    const stub = await startOpenAi(() => ({ status: 500, body: "" }));
    await expect(translate(stub, texts)).rejects.toThrow(expect.objectContaining({ name: "RetryLater" }));
  });

  test.each([
    [401, /rejects the key, check OPENAI_API_KEY/],
    [404, /check OPENAI_MODEL/],
    [400, /answered 400/],
  ])("answers %i fails the job at once, without the key", async (status, message) => {
    const stub = await startOpenAi(() => failure(status, { message: "Incorrect API key provided: secret-key" }));
    const error = await translate(stub, texts).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: "JobFailed",
      code: "PROVIDER_REFUSED",
      message: expect.stringMatching(message),
    });
    expect(String(error)).not.toContain("secret-key");
    expect(stub.calls).toHaveLength(1);
  });

  test.each([
    ["a list of errors", [{ error: { code: 400, message: "The input token count exceeds the maximum context" } }]],
    [
      "a message of its own",
      { object: "error", code: 400, message: "This model's maximum context length is 10 tokens" },
    ],
    ["a detail", { detail: "the prompt is too long" }],
    ["a list of details", { detail: [{ loc: ["body"], msg: "the prompt is too long" }] }],
    ["several errors", { errors: [{ code: 7009, message: "context window exceeded" }] }],
    ["a code", { code: "context_length_exceeded" }],
    ["words alone", "context length exceeded"],
  ])("rejects a long question with %s gets a shorter one", async (_name, body) => {
    const stub = await startOpenAi((all) => (all.length > 2 ? { status: 400, body: JSON.stringify(body) } : all));
    expect(await translate(stub, texts)).toEqual(translated);
    expect(asked(stub)).toEqual([
      [1, 2, 3, 4],
      [1, 2],
      [3, 4],
    ]);
  });

  test.each([
    [[{ error: { code: "insufficient_quota" } }]],
    [{ code: "insufficient_quota" }],
    [{ detail: { code: "insufficient_quota" } }],
  ])("reports with %j that there is no credit left is not called again", async (body) => {
    const stub = await startOpenAi(() => ({ status: 429, body }));
    await expect(translate(stub, texts)).rejects.toThrow("no credit left");
    expect(stub.calls).toHaveLength(1);
  });

  test("redirects gets no other request, and its target gets no key", async () => {
    const target = await startOpenAi();
    const stub = await startOpenAi(() => ({
      status: 307,
      headers: { location: `${target.baseUrl}/v1/chat/completions` },
      body: "",
    }));
    await expect(translate(stub, texts)).rejects.toThrow("cannot be reached");
    expect(target.calls).toEqual([]);
  });
});

test("an aborted call ends", async () => {
  const stub = await startOpenAi(() => ({ status: 500, body: "" }));
  const stop = new AbortController();
  const working = providerFor(stub, { maxRetries: 8 }).translate(cuesOf("One"), PAIR, stop.signal);
  await expect.poll(() => stub.calls.length).toBeGreaterThan(0);
  stop.abort(new Error("stopped"));
  await expect(working).rejects.toThrow();
});
