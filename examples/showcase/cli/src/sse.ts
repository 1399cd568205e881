export interface ServerEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** Returns the events of a `text/event-stream`, as defined by the WHATWG. Comments are skipped. */
export async function* readEvents(body: AsyncIterable<Uint8Array>, onSign: () => void): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  let id = "";
  let event = "";
  let data: string[] = [];
  for await (const chunk of body) {
    onSign();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.map((text) => text.replace(/\r$/, ""))) {
      const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (line === "") {
        if (data.length > 0) yield { event: event || "message", id, data: data.join("\n") };
        event = "";
        data = [];
      } else if (field === "data") data.push(value);
      else if (field === "event") event = value;
      else if (field === "id") id = value;
    }
  }
}
