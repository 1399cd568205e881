import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { LanguagePairError, ProviderReplyError } from "../text/errors.js";
import type { LanguagePair, TranslationProvider } from "../text/provider.js";
import { toHtml } from "./html.js";
import { translateTurns } from "./turns.js";

const run = promisify(execFile);

/** Maximum share of words that Apertium does not know. Above it, the result is mostly source text. */
const MOST_UNKNOWN = 1 / 3;
const TIMEOUT_MS = 60_000;
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Names of languages in Apertium's packages, if they differ from the tag. */
const ISO_639_3: Readonly<Record<string, string>> = {
  ...{ af: "afr", an: "arg", ar: "ara", be: "bel", bg: "bul", br: "bre", ca: "cat", cs: "ces", cy: "cym", da: "dan" },
  ...{ de: "deu", en: "eng", eo: "epo", es: "spa", eu: "eus", fr: "fra", gl: "glg", hi: "hin", hr: "hrv", id: "ind" },
  ...{ is: "isl", it: "ita", kk: "kaz", mk: "mkd", ms: "msa", mt: "mlt", nb: "nob", nl: "nld", nn: "nno", oc: "oci" },
  ...{ pl: "pol", pt: "por", ro: "ron", ru: "rus", sc: "srd", sl: "slv", sr: "srp", sv: "swe", tr: "tur", tt: "tat" },
  ...{ uk: "ukr", ur: "urd" },
};

/**
 * Translates with an installed Apertium, without a network and without costs. It is good for similar languages (Spanish and
 * Catalan), and only a draft for others. Install `apertium` and a pair such as `apertium-eng-spa`.
 */
export function apertiumProvider(): TranslationProvider {
  const name = "Apertium";
  return {
    name,
    translate: (cues, pair, signal) =>
      translateTurns(cues, async (texts) => {
        const mode = modeFor(pair, await installedModes(signal), name);
        // Mark of a word that Apertium does not know.
        const html = texts.map((text) => toHtml(text.replaceAll("*", "")));
        const output = await translateHtml(
          mode,
          html.map(({ html }, at) => `<p id="${at}">${html}</p>`).join("\n"),
          signal,
        );
        const answers = new Map<number, string>();
        for (const [, at, text = ""] of output.matchAll(/<p id="(\d+)">(.*?)<\/p>/gs)) answers.set(Number(at), text);
        return html.map(({ restore }, at) => {
          const answer = answers.get(at);
          if (answer === undefined) throw new ProviderReplyError(name, `${answers.size} texts for ${texts.length}`);
          return unknownShare(answer) > MOST_UNKNOWN
            ? null
            : restore(answer.replaceAll("*", "").replaceAll(/\s+/g, " ").trim());
        });
      }),
  };
}

/** Returns the installed directions of translation, such as `eng-spa`. Empty if Apertium is not installed. */
export async function installedModes(signal: AbortSignal): Promise<readonly string[]> {
  try {
    const { stdout } = await run("apertium", ["-l"], { signal, timeout: TIMEOUT_MS });
    return stdout
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

function modeFor(pair: LanguagePair, modes: readonly string[], name: string): string {
  const names = (tag: string) => {
    const { language } = new Intl.Locale(tag);
    return [ISO_639_3[language] ?? language, language];
  };
  const wanted = names(pair.source).flatMap((source) => names(pair.target).map((target) => `${source}-${target}`));
  const mode = wanted.find((one) => modes.includes(one));
  if (mode === undefined) throw new LanguagePairError(name, pair, modes);
  return mode;
}

/** Passes the text in a file. Apertium's script reads nothing from a pipe of Node, and succeeds. */
async function translateHtml(mode: string, html: string, signal: AbortSignal): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "apertium-"));
  try {
    const path = join(folder, "in.html");
    await writeFile(path, html);
    const options = { signal, timeout: TIMEOUT_MS, maxBuffer: MOST_OUTPUT_BYTES };
    return (await run("apertium", ["-f", "html-noent", mode, path], options)).stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function unknownShare(answer: string): number {
  const words = answer.replaceAll(/<[^>]*>/g, " ").match(/\*?[\p{L}\p{N}]+/gu) ?? [];
  return words.length === 0 ? 0 : words.filter((word) => word.startsWith("*")).length / words.length;
}
