import { z } from "zod";
import type { Api } from "../api.js";
import type { Output } from "../display.js";
import { job } from "../job.js";

const page = z.object({ items: z.array(job) });

export interface ListOptions {
  readonly status?: readonly string[] | undefined;
  readonly language?: string | undefined;
  readonly to?: string | undefined;
  readonly search?: string | undefined;
  readonly limit?: string | undefined;
}

/** Shows jobs: a table on a terminal, and a line of JSON for each job on other outputs. */
export async function list(
  api: Api,
  { status = [], language, to, search, limit }: ListOptions,
  out: Output,
): Promise<void> {
  const query = new URLSearchParams(status.map((one): [string, string] => ["status", one]));
  for (const [name, value] of Object.entries({ language, targetLanguage: to, q: search, limit })) {
    if (value !== undefined) query.set(name, value);
  }
  const { items } = page.parse(await (await api.request(`/jobs?${query}`)).json());
  for (const item of items) {
    const pair = item.targetLanguage === null ? item.language : `${item.language} → ${item.targetLanguage}`;
    const row = `${item.id}  ${item.status.padEnd(11)}  ${String(item.percent).padStart(3)}%  ${pair.padEnd(13)}  ${item.videoTitle}`;
    out.write(`${out.isTTY ? row : JSON.stringify(item)}\n`);
  }
}
