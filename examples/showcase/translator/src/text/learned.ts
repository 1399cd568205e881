import { constants } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { LanguagePair } from "./provider.js";
import { hasSameWords } from "./untranslated.js";

/** Machine translations of earlier jobs, by source text. A translation with the same words as its source is not learned. */
export interface LearnedTranslations {
  find(texts: readonly string[], pair: LanguagePair): Promise<ReadonlyMap<string, string>>;
  add(translations: ReadonlyMap<string, string>, pair: LanguagePair): Promise<void>;
}

const entry = z.tuple([z.string(), z.string()]);

interface File {
  readonly known: Map<string, string>;
  /** How far it has been read, in bytes. */
  readTo: number;
}

/**
 * A file of JSON lines for each pair of languages, in a folder that the workers share. Workers only add to its end, each
 * time by one write, and read what others have added since. A line that a crash cut short is passed over.
 */
export function learnedTranslations(folder: string): LearnedTranslations {
  const files = new Map<string, File>();

  async function refreshed(path: string): Promise<File> {
    const file = files.get(path) ?? { known: new Map<string, string>(), readTo: 0 };
    files.set(path, file);
    const handle = await open(path, constants.O_RDONLY).catch(() => null);
    if (!handle) return file;
    try {
      const { size } = await handle.stat();
      if (size < file.readTo) Object.assign(file, { readTo: 0 }); // somebody tidied it up
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(size - file.readTo), 0, null, file.readTo);
      const end = buffer.subarray(0, bytesRead).lastIndexOf("\n") + 1;
      for (const line of buffer.toString("utf8", 0, end).split("\n")) learn(file, line);
      file.readTo += end;
    } finally {
      await handle.close();
    }
    return file;
  }

  return {
    async find(texts, pair) {
      const { known } = await refreshed(pathOf(folder, pair));
      return new Map(
        texts.flatMap((text) => {
          const translation = known.get(text);
          return translation === undefined ? [] : [[text, translation] as const];
        }),
      );
    },
    async add(translations, pair) {
      const path = pathOf(folder, pair);
      const { known } = await refreshed(path);
      const news = [...translations].filter(([source, target]) => !known.has(source) && !hasSameWords(source, target));
      if (news.length === 0) return;
      await mkdir(folder, { recursive: true });
      const handle = await open(path, "a");
      try {
        // The line break in front ends a line that a crash may have left without.
        const lines = Buffer.from(`\n${news.map((one) => JSON.stringify(one)).join("\n")}\n`);
        await handle.write(lines, 0, lines.length);
      } finally {
        await handle.close();
      }
    },
  };
}

/** The first translation of a text stays, so that a film keeps its wording. */
function learn({ known }: File, line: string): void {
  if (line === "") return;
  try {
    const [source, target] = entry.parse(JSON.parse(line));
    if (!known.has(source) && !hasSameWords(source, target)) known.set(source, target);
  } catch {
    // Cut short, or none of ours.
  }
}

function pathOf(folder: string, { source, target }: LanguagePair): string {
  for (const tag of [source, target]) {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(tag)) throw new TypeError("A language tag that makes no file name.");
  }
  return join(folder, `${source}_${target}.jsonl`);
}
