import { expect, onTestFinished } from "vitest";
import { createDashboard, type Dashboard, type DashboardAction, type DashboardOptions } from "../src/dashboard.js";
import { createJobStore, defineJob, type JobStoreDriver } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import type { Action, ActionReply, CallName, Calls, ErrorReply, WatchLine } from "../src/lib/dashboard/protocol.js";
import { memoryDriver } from "../src/memory.js";

/** Definition of reports as another version of a service has it, with one status more. */
export const reportWithArchive = defineJob({
  ...report,
  statuses: { ...report.statuses, archived: { next: [], final: true } },
});

/** Options for a test. The key of its store is "reports". */
export interface OpenOptions extends Partial<Omit<DashboardOptions, "stores">> {
  readonly driver?: JobStoreDriver;
  /** Further options of the store. */
  readonly parts?: Partial<Omit<DashboardOptions["stores"][string], "store" | "driver">>;
}

/** Opens a store of reports and its dashboard, which are closed when the test ends. */
export function openDashboard({ driver = memoryDriver(), parts, ...options }: OpenOptions = {}) {
  const store = createJobStore({ job: report as Report, driver });
  const actions: DashboardAction[] = [];
  const dashboard = createDashboard({
    stores: { reports: { store, ...parts } },
    may: () => true,
    onAction: (action) => actions.push(action),
    ...options,
  });
  onTestFinished(async () => {
    await dashboard.close();
    await store.close();
  });
  return { store, dashboard, actions, client: clientOf(dashboard) };
}

/** Request of the page: a call by name. */
export function requestOf(name: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Request {
  return new Request(`http://host/a/b?call=${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

let requests = 0;

/** Returns an id for an action. */
export function newRequestId(): string {
  requests++;
  return `request-${requests}`;
}

export function clientOf(dashboard: Dashboard) {
  async function call<N extends CallName>(name: N, body: object): Promise<Calls[N]["reply"]> {
    const reply = await dashboard.fetch(requestOf(name, { store: "reports", ...body }));
    const value = await reply.json();
    if (reply.status !== 200) expect.fail(`${reply.status} ${JSON.stringify(value)}`);
    return value as Calls[N]["reply"];
  }
  /** Returns the error of a call, and its HTTP status. */
  async function failure(name: string, body: object): Promise<ErrorReply["error"] & { readonly status: number }> {
    const reply = await dashboard.fetch(requestOf(name, { store: "reports", ...body }));
    const { error } = (await reply.json()) as ErrorReply;
    return { ...error, status: reply.status };
  }
  const act = (action: Action, requestId = newRequestId()): Promise<ActionReply> =>
    call("act", { requestId, act: action });
  /** Repeats the steps of an action until no jobs remain, and returns the outcomes of all. */
  async function actOnAll(action: Extract<Action, { readonly chosen: unknown }>, requestId = newRequestId()) {
    const outcomes: ActionReply["outcomes"][number][] = [];
    let cursor: string | null = null;
    do {
      const chosen: object = cursor === null ? action.chosen : { ...action.chosen, cursor };
      const reply: ActionReply = await call("act", { requestId, act: { ...action, chosen } });
      outcomes.push(...reply.outcomes);
      ({ cursor } = reply);
    } while (cursor !== null);
    return outcomes;
  }
  return { call, failure, act, actOnAll };
}

/** Reads the lines of a reply to `watch`. Empty lines are left out. */
export async function* linesOf(reply: Response): AsyncGenerator<WatchLine, void, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of reply.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
}
