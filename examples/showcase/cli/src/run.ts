import { parseArgs } from "node:util";
import { createApi } from "./api.js";
import { download } from "./commands/download.js";
import { list } from "./commands/list.js";
import { submit } from "./commands/submit.js";
import { watch } from "./commands/watch.js";
import { confirm, type Input } from "./confirm.js";
import { createDisplay, type Output } from "./display.js";
import { EXIT, Exit, usage } from "./exit.js";
import { HELP } from "./help.js";
import { job } from "./job.js";

export interface Surroundings {
  readonly out: Output;
  readonly err: Output;
  readonly input: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Signal that aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

const options = {
  api: { type: "string" },
  file: { type: "string" },
  title: { type: "string" },
  language: { type: "string" },
  to: { type: "string" },
  source: { type: "string", multiple: true },
  watch: { type: "boolean", default: false },
  timeout: { type: "string" },
  status: { type: "string", multiple: true },
  search: { type: "string" },
  limit: { type: "string" },
  "from-start": { type: "boolean", default: false },
  format: { type: "string", default: "srt" },
  output: { type: "string" },
  yes: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Runs the program. Returns its exit code. */
export async function run(args: readonly string[], { out, err, input, env, signal }: Surroundings): Promise<number> {
  // Uses one controller for both reasons, because Node 20 loses a combined signal (nodejs/node#57736).
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  let timedOut = false;
  let timer: NodeJS.Timeout | undefined;
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      out.write(HELP);
      return EXIT.done;
    }
    if (values.timeout !== undefined) {
      timer = setTimeout(() => {
        timedOut = true;
        stop.abort();
      }, secondsOf(values.timeout) * 1000);
    }
    if (signal.aborted) interrupt();
    signal.addEventListener("abort", interrupt);
    await command(values, positionals, { out, err, input, env, signal: stop.signal });
    return EXIT.done;
  } catch (error) {
    if (signal.aborted) return say(err, new Exit(EXIT.interrupted, "Stopped watching; the job continues."));
    if (timedOut) return say(err, new Exit(EXIT.timeout, "The time has ended; the job continues."));
    if (error instanceof Exit) return say(err, error);
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupt);
  }
}

async function command(values: Values, positionals: readonly string[], surroundings: Surroundings) {
  const { out, err, input, env, signal } = surroundings;
  const [name, target, ...more] = positionals;
  if (more.length > 0) throw usage(`What does ${more.join(" ")} mean here? See --help.`);
  const api = createApi(values.api ?? env.SUBTITLES_API ?? "http://127.0.0.1:3000", env.API_TOKEN, signal);
  const id = () => {
    if (!target) throw usage(`${name} needs the id of a job.`);
    return target;
  };
  const follow = (jobId: string) => watch(api, jobId, { signal, display: createDisplay(out) });
  const act = async (action: string, body: object) => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const changed = job.parse(await (await api.request(`/jobs/${encodeURIComponent(id())}/${action}`, init)).json());
    if (values.watch) await follow(changed.id);
    else out.write(`${out.isTTY ? `${changed.id}  ${changed.status}` : JSON.stringify(changed)}\n`);
  };

  switch (name) {
    case "submit": {
      if (values.language === undefined) throw usage("submit needs --language.");
      const { file, title, language, to, source: sources = [] } = values;
      const submitted = await submit(api, { video: target, file, title, language, to, sources });
      if (!values.watch) out.write(`${submitted.id}\n`);
      else await follow(submitted.id);
      return;
    }
    case "watch":
      await follow(id());
      return;
    case "list":
      return list(api, values, out);
    case "retry":
      return act("retry", { fromStart: values["from-start"] });
    case "cancel":
      return act("cancel", {});
    case "delete": {
      const sure = await confirm(`Delete ${id()} and its subtitles permanently?`, {
        yes: values.yes,
        input,
        err,
        signal,
      });
      if (!sure) throw new Exit(EXIT.refused, "Nothing was deleted.");
      await api.request(`/jobs/${encodeURIComponent(id())}`, { method: "DELETE" });
      return;
    }
    case "download": {
      const path = await download(api, id(), values, out);
      if (path !== null) err.write(`Saved as ${path}\n`);
      return;
    }
    default:
      throw usage(name ? `There is no command ${name}. See --help.` : HELP);
  }
}

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

/** Returns "90", "90s", "10m" or "1h" in seconds. */
function secondsOf(text: string): number {
  const [, number, unit = "s"] = /^(\d{1,6})([smh]?)$/.exec(text) ?? [];
  if (number === undefined) throw usage("--timeout takes a time such as 90s, 10m or 1h.");
  return Number(number) * { s: 1, m: 60, h: 3600 }[unit === "" ? "s" : (unit as "s" | "m" | "h")];
}

function say(err: Output, { code, message }: Exit): number {
  err.write(`${message.trimEnd()}\n`);
  return code;
}
