import { createProviderAccess, type Log, type ProviderStates } from "@showcase/contracts";
import { JobFailed } from "@subtitles/queue/worker";
import { z } from "zod";
import { type JsonReply, postJson } from "../http.js";

export interface OpenAiOptions {
  /** Address, for example `https://api.openai.com/v1`, or that of a service with the same API (Ollama, llama.cpp, LM Studio). */
  readonly baseUrl: string;
  /** Key of the service. A local service needs none. */
  readonly apiKey?: string | undefined;
  readonly model: string;
  /** Temperature. If it is missing, the model uses its own. Some models reject all others. */
  readonly temperature?: number | undefined;
  readonly states: ProviderStates;
  readonly log: Log;
  readonly maxRetries?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Answer of the model, or the reason for a missing one. */
export type Answer =
  | { readonly kind: "text"; readonly text: string }
  /** The question or the answer is too long, so the caller asks for less. `text` is the received part of the answer. */
  | { readonly kind: "tooLong"; readonly text: string }
  | { readonly kind: "refused" };

export interface Chat {
  /** @param schema form of the answer. A model that does not support schemas is asked for plain JSON */
  ask(
    question: { readonly system: string; readonly user: string; readonly schema: object },
    signal: AbortSignal,
  ): Promise<Answer>;
}

/** Text, or a list of parts, some of which have text. */
const content = z
  .union([
    z.string(),
    z.array(z.object({ text: z.string().catch("") })).transform((parts) => parts.map(({ text }) => text).join("")),
  ])
  .nullish();
const completion = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content, refusal: z.string().nullish() }),
      }),
    )
    .min(1),
});
/** Error of the service. OpenAI sends an object in `error`; compatible services also send texts, lists and other objects. */
const problem = z.object({
  code: z.string().nullish().catch(null),
  message: z.string().catch(""),
  msg: z.string().catch(""),
  error: z.unknown().optional(),
  errors: z.unknown().optional(),
  detail: z.unknown().optional(),
});
const MAX_PROBLEM_DEPTH = 4;

/** Formats, from the strictest to one that every model supports. */
const FORMATS = ["json_schema", "json_object", "text"] as const;

export function createChat(options: OpenAiOptions): Chat {
  const { baseUrl, apiKey, model, temperature, maxRetries, timeoutMs } = options;
  const title = `The model ${model}`;
  const access = createProviderAccess({ name: "openai", title }, options.states, options.log);
  const url = `${baseUrl.replace(/\/+$/, "")}/chat/completions`;
  /** Strictest format that the service supports, as far as it is known. */
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
    const service = { title, access, maxRetries, timeoutMs };
    const reply = await postJson(service, url, { body, headers, isFinal: isOutOfCredit }, signal);
    if (reply.status === 200) return answerIn(reply);

    const { code, message } = problemIn(reply.body);
    if (reply.status === 413 || code === "context_length_exceeded" || TOO_LONG.test(message))
      return { kind: "tooLong", text: "" };
    if (code === "content_filter" || code === "content_policy_violation") return { kind: "refused" };
    if (reply.status === 400 && asked < FORMATS.length - 1 && ABOUT_FORMAT.test(message)) {
      format = Math.max(format, asked + 1);
      return ask(question, signal);
    }
    if (isOutOfCredit(reply.body)) throw await access.refuse(OUT_OF_CREDIT_MS, "there is no credit left");
    throw new JobFailed(`${title}: ${refusals[reply.status] ?? `the service answered ${reply.status}`}.`, {
      code: "PROVIDER_REFUSED",
      retryable: true,
    });
  }

  function answerIn({ body }: JsonReply): Answer {
    const [choice] = completion.safeParse(body).data?.choices ?? [];
    if (!choice) return { kind: "text", text: "" }; // The answer has no content.
    const { finish_reason: reason, message } = choice;
    const text = message.content ?? "";
    if (reason === "length") return { kind: "tooLong", text };
    if (reason === "content_filter" || message.refusal) return { kind: "refused" };
    return { kind: "text", text };
  }

  return { ask };
}

const OUT_OF_CREDIT_MS = 15 * 60_000;
const TOO_LONG = /context[ _](length|window|size)|maximum context|too many tokens|prompt is too long/i;
const ABOUT_FORMAT = /response_format|json_schema|json_object|schema/i;
const refusals: Readonly<Record<number, string>> = {
  401: "the service rejects the key, check OPENAI_API_KEY",
  403: "the service rejects the key, check OPENAI_API_KEY",
  404: "the service does not know it, check OPENAI_MODEL and OPENAI_BASE_URL",
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

interface Problem {
  readonly code: string | null;
  readonly message: string;
}

function problemIn(body: unknown, depth = 0): Problem {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  if (typeof first === "string") return { code: null, message: first };
  const { data } = problem.safeParse(first);
  if (!data || depth > MAX_PROBLEM_DEPTH) return { code: null, message: "" };
  const inner = problemIn(data.error ?? data.errors ?? data.detail, depth + 1);
  return { code: data.code ?? inner.code, message: data.message || data.msg || inner.message };
}

function isOutOfCredit(body: unknown): boolean {
  return problemIn(body).code === "insufficient_quota";
}
