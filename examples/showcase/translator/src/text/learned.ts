import { constants } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { LanguagePair } from "./provider.js";
import { hasSameWords } from "./untranslated.js";

/** Stored machine translations of earlier jobs, by source text. A translation with the same words as its source is not stored. */
export interface LearnedTranslations {
  find(texts: readonly string[], pair: LanguagePair): Promise<ReadonlyMap<string, string>>;
  add(translations: ReadonlyMap<string, string>, pair: LanguagePair): Promise<void>;
}

const entry = z.tuple([z.string(), z.string()]);

interface File {
  readonly known: Map<string, string>;
  /** Number of bytes that were read. */
  readTo: number;
}

/**
 * File of JSON lines for each pair of languages, in a folder that the workers share. Workers only append to it, each time with
 * one write, and read the lines that others have added. An incomplete line of a crash is skipped.
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
      if (size < file.readTo) Object.assign(file, { readTo: 0 }); // The file was removed or shortened.
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
        // The line break at the start ends an incomplete line of a crash.
        const lines = Buffer.from(`\n${news.map((one) => JSON.stringify(one)).join("\n")}\n`);
        await handle.write(lines, 0, lines.length);
      } finally {
        await handle.close();
      }
    },
  };
}

/** The first translation of a text is kept, so that a film has the same words each time. */
function learn({ known }: File, line: string): void {
  if (line === "") return;
  try {
    const [source, target] = entry.parse(JSON.parse(line));
    if (!known.has(source) && !hasSameWords(source, target)) known.set(source, target);
  } catch {
    // The line is incomplete, or not a translation.
  }
}

function pathOf(folder: string, { source, target }: LanguagePair): string {
  for (const tag of [source, target]) {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(tag)) throw new TypeError("This language tag cannot be a file name.");
  }
  return join(folder, `${source}_${target}.jsonl`);
}
