import { type StubCall, type StubReply, startStub } from "./stub.js";

export interface Line {
  readonly id: number;
  readonly text: string;
}
export type Entry = { readonly id: unknown; readonly start: unknown; readonly text: unknown };

/** A chat completions service, as OpenAI documents its replies. `edit` changes what a perfect model would say. */
export function startOpenAi(
  edit: (entries: Entry[], call: { lines: readonly Line[]; nth: number }) => Entry[] | StubReply = (all) => all,
) {
  return startStub((call, nth) => {
    const lines = linesIn(call);
    const perfect = lines.map(({ id, text }) => ({
      id,
      start: text.split(" ").slice(0, 3).join(" "),
      text: `es:${text}`,
    }));
    const said = edit(perfect, { lines, nth });
    return Array.isArray(said) ? completion(JSON.stringify({ translations: said })) : said;
  });
}

export const linesIn = ({ body }: StubCall): readonly Line[] => JSON.parse(body.messages[1].content).lines;

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
