import { z } from "zod";
import { type StubCall, type StubReply, startStub } from "./stub.js";

const line = z.object({ id: z.number(), text: z.string() });
export type Line = z.output<typeof line>;
export type Entry = { readonly id: unknown; readonly start: unknown; readonly text: unknown };

/** Fields of the translator's requests that these tests check. */
const chatRequest = z.looseObject({
  model: z.string(),
  messages: z.tuple([
    z.object({ role: z.literal("system"), content: z.string() }),
    z.object({ role: z.literal("user"), content: z.string() }),
  ]),
  response_format: z.looseObject({ type: z.string() }).optional(),
});
type ChatCall = StubCall<z.output<typeof chatRequest>>;

/** Starts a chat completions service with replies as OpenAI documents them. `edit` changes the answer of a perfect model. */
export function startOpenAi(
  edit: (
    entries: Entry[],
    call: { lines: readonly Line[]; nth: number },
  ) => Entry[] | StubReply | Promise<Entry[] | StubReply> = (all) => all,
) {
  return startStub(chatRequest, async (call, nth) => {
    const lines = linesIn(call);
    const perfect = lines.map(({ id, text }) => ({
      id,
      start: text.split(" ").slice(0, 3).join(" "),
      text: `es:${text}`,
    }));
    const said = await edit(perfect, { lines, nth });
    return Array.isArray(said) ? completion(JSON.stringify({ translations: said })) : said;
  });
}

/** Returns the content of the user's message: the lines to translate, and those before them. */
export const questionIn = ({ body }: ChatCall) =>
  z.object({ before: z.array(z.unknown()), lines: z.array(line) }).parse(JSON.parse(body.messages[1].content));

export const linesIn = (call: ChatCall): readonly Line[] => questionIn(call).lines;

export function completion(content: string | null, choice: object = {}, message: object = {}): StubReply {
  return {
    body: {
      id: "chatcmpl-1",
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content, refusal: null, ...message },
          finish_reason: "stop",
          ...choice,
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
    },
  };
}

export const failure = (status: number, error: object, headers: Record<string, string> = {}): StubReply => ({
  status,
  headers,
  body: { error: { message: "", type: "invalid_request_error", param: null, code: null, ...error } },
});
