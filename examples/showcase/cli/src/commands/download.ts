import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Api } from "../api.js";
import type { Output } from "../display.js";
import { EXIT, Exit } from "../exit.js";

export interface DownloadOptions {
  readonly format: string;
  /** `-`: standard output. @default the name that the service returns, in the current folder */
  readonly output?: string | undefined;
}

/** Saves the file. @returns its path; null: standard output */
export async function download(
  api: Api,
  id: string,
  { format, output }: DownloadOptions,
  out: Output,
): Promise<string | null> {
  const reply = await api.request(`/jobs/${encodeURIComponent(id)}/file?${new URLSearchParams({ format })}`);
  const text = await reply.text();
  if (output === "-") {
    out.write(text);
    return null;
  }
  const path = output ?? nameOf(reply.headers.get("content-disposition") ?? "", `${id}.${format}`);
  try {
    // Overwrites a file only if the user has given its name.
    await writeFile(path, text, { flag: output === undefined ? "wx" : "w" });
  } catch (error) {
    const there = error instanceof Error && "code" in error && error.code === "EEXIST";
    throw new Exit(
      EXIT.usage,
      there ? `${path} exists already. Choose another file with --output.` : `${path} cannot be written.`,
    );
  }
  return path;
}

/** Returns the last part of the name that the service returns, so that it cannot lead to another folder. */
function nameOf(disposition: string, otherwise: string): string {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  const plain = /filename="?([^";]+)"?/i.exec(disposition)?.[1];
  const name = basename((extended ? decodeURIComponent(extended) : plain)?.replaceAll("\\", "/") ?? "");
  return name && !name.startsWith(".") ? name : otherwise;
}
