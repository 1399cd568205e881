import { createStanding, Failure, type Log, type ProviderStates } from "@example/contracts";
import { z } from "zod";
import { type JsonReply, postJson } from "../http.js";

export interface OpenAiOptions {
  /** Such as `https://api.openai.com/v1`, or that of any service with the same API (Ollama, llama.cpp, LM Studio). */
  readonly baseUrl: string;
  /** Services of one's own need none. */
  readonly apiKey?: string | undefined;
  readonly model: string;
  /** Left to the model where absent: some refuse any other than their own. */
  readonly temperature?: number | undefined;
  readonly states: ProviderStates;
  readonly log: Log;
  readonly maxRetries?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** What the model was asked for, or why it could not say it. */
export type Answer =
  | { readonly kind: "text"; readonly text: string }
  /** Question or answer do not fit: ask for less. */
  | { readonly kind: "tooLong" }
  | { readonly kind: "refused" };

export interface Chat {
  /** @param schema What the answer should look like. A model that knows no schemas is asked for plain JSON instead. */
  ask(
    question: { readonly system: string; readonly user: string; readonly schema: object },
    signal: AbortSignal,
  ): Promise<Answer>;
}

const completion = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
});
const problem = z.object({
  error: z.union([z.string(), z.object({ code: z.string().nullish().catch(null), message: z.string().catch("") })]),
});

/** From the strictest to what every model can do. */
const FORMATS = ["json_schema", "json_object", "text"] as const;

export function createChat(options: OpenAiOptions): Chat {
  const { baseUrl, apiKey, model, temperature, maxRetries, timeoutMs } = options;
  const title = `The model ${model}`;
  const standing = createStanding({ name: "openai", title }, options.states, options.log);
  const url = `${baseUrl.replace(/\/+$/, "")}/chat/completions`;
  /** The strictest format that the service is known to take. */
  let format = 0;

  async function ask(question: Parameters<Chat["ask"]>[0], signal: AbortSignal): Promise<Answer> {
    const asked = format;
    const body = {
      model,
      messages: [
        { role: "system", content: question.system },
        { role: "user", content: question.user },
      ],
      ...(temperature !== undefined && { temperature }),
      ...responseFormat(asked, question.schema),
    };
    const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    const service = { title, standing, maxRetries, timeoutMs };
    const reply = await postJson(service, url, { body, headers, isFinal: isOutOfCredit }, signal);
    if (reply.status === 200) return answerIn(reply);

    const { code, message } = problemIn(reply);
    if (reply.status === 413 || code === "context_length_exceeded" || TOO_LONG.test(message))
      return { kind: "tooLong" };
    if (code === "content_filter" || code === "content_policy_violation") return { kind: "refused" };
    if (reply.status === 400 && asked < FORMATS.length - 1 && ABOUT_FORMAT.test(message)) {
      format = Math.max(format, asked + 1);
      return ask(question, signal);
    }
    if (isOutOfCredit(reply.body)) throw await standing.refuse(OUT_OF_CREDIT_MS, "there is no credit left");
    throw new Failure(
      "PROVIDER_REFUSED",
      `${title}: ${refusals[reply.status] ?? `the service answered ${reply.status}`}.`,
      {
        retryable: true,
      },
    );
  }

  function answerIn({ body }: JsonReply): Answer {
    const [choice] = completion.safeParse(body).data?.choices ?? [];
    if (!choice) return { kind: "text", text: "" }; // nothing in it that answers the question
    const { finish_reason: reason, message } = choice;
    if (reason === "length") return { kind: "tooLong" };
    if (reason === "content_filter" || message.refusal) return { kind: "refused" };
    return { kind: "text", text: message.content ?? "" };
  }

  return { ask };
}

const OUT_OF_CREDIT_MS = 15 * 60_000;
const TOO_LONG = /context (length|window|size)|maximum context|too many tokens|prompt is too long/i;
const ABOUT_FORMAT = /response_format|json_schema|json_object|schema/i;
const refusals: Readonly<Record<number, string>> = {
  401: "the service refuses the key, please check OPENAI_API_KEY",
  403: "the service refuses the key, please check OPENAI_API_KEY",
  404: "the service does not know it, please check OPENAI_MODEL and OPENAI_BASE_URL",
};

function responseFormat(format: number, schema: object): object {
  switch (FORMATS[format]) {
    case "json_schema":
      return { response_format: { type: "json_schema", json_schema: { name: "translations", strict: true, schema } } };
    case "json_object":
      return { response_format: { type: "json_object" } };
    default:
      return {};
  }
}

function problemIn({ body }: JsonReply): { readonly code: string | null; readonly message: string } {
  const error = problem.safeParse(body).data?.error ?? "";
  return typeof error === "string"
    ? { code: null, message: error }
    : { code: error.code ?? null, message: error.message };
}

function isOutOfCredit(body: unknown): boolean {
  return problemIn({ status: 429, body }).code === "insufficient_quota";
}
