import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Api } from "./api.js";
import { EXIT, Exit } from "./exit.js";
import { hasEnded, type Job, job } from "./job.js";

/** Time between two connections. The job is read each time, so this works as polling if there are no live updates. */
const RECONNECT_MS = 1000;

const deleted = z.object({ id: z.string() });

/** Returns a job after each change, until it has ended. It continues after restarts of the service. */
export async function* follow(api: Api, id: string, signal: AbortSignal): AsyncGenerator<Job> {
  for (let after = ""; ; ) {
    for await (const event of api.events(after)) {
      after = event.id;
      const news = await newsOf(event.event, event.data, id, api);
      if (news) yield news;
      if (news && hasEnded(news)) return;
    }
    await delay(RECONNECT_MS * (0.5 + Math.random()), undefined, { signal });
    const now = await readJob(api, id).catch((error) => {
      if (error instanceof Exit && error.code === EXIT.unreachable) return null;
      throw error;
    });
    if (now) yield now;
    if (now && hasEnded(now)) return;
  }
}

async function readJob(api: Api, id: string): Promise<Job> {
  return job.parse(await (await api.request(`/jobs/${encodeURIComponent(id)}`)).json());
}

/** Returns the job in an event, or null if the event is about another one. */
async function newsOf(event: string, data: string, id: string, api: Api): Promise<Job | null> {
  if (event === "resync") return readJob(api, id);
  if (event === "deleted" && deleted.parse(JSON.parse(data)).id === id) {
    throw new Exit(EXIT.refused, "The job was deleted.");
  }
  if (event !== "job") return null;
  const changed = job.parse(JSON.parse(data));
  return changed.id === id ? changed : null;
}
