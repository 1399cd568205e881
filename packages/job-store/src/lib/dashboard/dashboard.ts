import { invalid } from "../arguments.js";
import { ACTIONS } from "./actions.js";
import { type Body, objectIn, oneOf, textIn } from "./body.js";
import { READS, valueReply, watchReply } from "./calls.js";
import { checkOrigin, checkToken, readBody } from "./checks.js";
import type { CallContext } from "./context.js";
import { assetReply, documentReply } from "./document.js";
import { type NodeRequest, type NodeResponse, sendReply, toRequest } from "./node.js";
import type { ActionName, DashboardAction, DashboardOptions } from "./options.js";
import { ignoreRejection } from "./promises.js";
import type { ActionReply, DashboardInfo, StoreInfo } from "./protocol.js";
import { RecentActions } from "./recent-actions.js";
import { badRequest, DashboardError, errorReply, jsonReply, messageOf, reply } from "./reply.js";
import { type OpenedStore, StoreSource, statusesOf } from "./stores.js";
import { Values } from "./values.js";

/** Handler of the requests of a dashboard. Made by `createDashboard`. It ignores the path of a request. */
export interface Dashboard extends AsyncDisposable {
  /** Replies to a request, for frameworks with Web requests such as Hono and Next.js. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /** Replies to a request of Node, for `http`, `http2`, Express and Fastify. Resolves when the reply is sent. Never rejects. */
  handle(request: NodeRequest, response: NodeResponse): Promise<void>;
  /** Ends all live updates, and closes the stores that the dashboard has opened. Stores that were passed to it stay open. */
  close(): Promise<void>;
}

/** Names of all actions. */
const NAMES = Object.keys(ACTIONS) as readonly ActionName[];

/** Methods of requests that a dashboard answers. */
const METHODS: readonly string[] = ["GET", "HEAD", "POST"];

/** Format of the id of an action. It becomes part of the name of a change. */
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/**
 * Creates the handler of a dashboard for one or several stores. Mount it under any path, behind the authentication of the application. Opens no
 * connection before the first request.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function createDashboard(options: DashboardOptions): Dashboard {
  return new DefaultDashboard(options);
}

class DefaultDashboard implements Dashboard {
  readonly #options: DashboardOptions;
  readonly #sources: ReadonlyMap<string, StoreSource>;
  readonly #isReadOnly: boolean;
  readonly #recent = new RecentActions();
  #isClosed = false;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#sources = sourcesOf(options);
    checkTokenOption(options.token);
    // A value of another type must not make the dashboard writable.
    this.#isReadOnly = Boolean(options.readOnly);
  }

  fetch(request: Request): Promise<Response> {
    return this.#answer(request.method, () => request);
  }

  async handle(message: NodeRequest, response: NodeResponse): Promise<void> {
    const closed = new AbortController();
    response.on("close", () => closed.abort());
    try {
      const answer = await this.#answer(message.method, () => toRequest(message, closed.signal));
      await sendReply(answer, response);
    } catch {
      response.destroy();
    }
  }

  /** @param convert returns the request. Web requests cannot have some other methods, such as TRACE */
  async #answer(method: string | undefined, convert: () => Request): Promise<Response> {
    if (method === undefined || !METHODS.includes(method)) return reply(null, { allow: METHODS.join(", ") }, 405);
    const answer = await this.#reply(convert).catch(errorReply);
    return method === "HEAD" ? new Response(null, answer) : answer;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#sources.values(), (source) => source.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #reply(convert: () => Request): Promise<Response> {
    // A page that calls again would otherwise start its live updates again, and keep the server open.
    if (this.#isClosed) throw new DashboardError(503, "CLOSED", "The dashboard is closed.");
    // Without a decision about access, the dashboard would be open by accident.
    if (typeof this.#options.may !== "function") {
      throw new DashboardError(403, "FORBIDDEN", "The dashboard has no option `may`, so no user has access.");
    }
    const request = convert();
    const query = new URL(request.url).searchParams;
    if (request.method === "POST") return this.#call(request, query.get("call"));
    const name = query.get("asset");
    return name === null ? documentReply(this.#options.title ?? "Jobs") : assetReply(name);
  }

  async #call(request: Request, name: string | null): Promise<Response> {
    checkOrigin(request, name === "act");
    if (this.#options.token !== undefined) checkToken(request, this.#options.token);
    const body = await readBody(request);
    if (name === "open") return jsonReply(await this.#describe(request));
    const context = await this.#context(request, textIn(body, "store"));
    if (name === "act") return jsonReply(await this.#act(request, context, body));
    if (name === "value") return valueReply(context, body);
    if (name === "watch") return watchReply(context, request);
    const read = name !== null && Object.hasOwn(READS, name) ? READS[name as keyof typeof READS] : undefined;
    if (read === undefined) throw new DashboardError(404, "NOT_FOUND", "The dashboard has no such call.");
    return jsonReply(await read(context, body));
  }

  /** Performs an action, and reports it to `onAction`. */
  async #act(request: Request, context: CallContext, body: Body): Promise<ActionReply> {
    const act = objectIn(body.act, "act");
    const action = oneOf(act, "name", NAMES);
    const requestId = textIn(body, "requestId", 64);
    if (!REQUEST_ID.test(requestId)) throw badRequest("`requestId` must have 8 to 64 characters of A–Z a–z 0–9 . _ -");
    const by = await this.#author(request);
    const about = { action, store: context.key, by, requestId, request };
    if (this.#isReadOnly || !(await this.#may(request, action, context.key))) {
      const denial = this.#isReadOnly
        ? new DashboardError(403, "READ_ONLY", "The dashboard is read-only.")
        : new DashboardError(403, "FORBIDDEN", `You may not perform the action "${action}" on this store.`);
      this.#report({ ...about, ids: idsIn(act), result: "denied", outcomes: [], error: denial.message });
      throw denial;
    }
    try {
      const answer = await this.#recent.perform({ store: context.key, requestId, by }, act, () =>
        ACTIONS[action]({ ...context, by, requestId }, act),
      );
      const ids = answer.outcomes.map(({ id }) => id);
      this.#report({ ...about, ids, result: "done", outcomes: answer.outcomes, error: null });
      return answer;
    } catch (error) {
      const message = error instanceof DashboardError ? error.message : messageOf(error);
      this.#report({ ...about, ids: idsIn(act), result: "failed", outcomes: [], error: message });
      throw error;
    }
  }

  async #author(request: Request): Promise<string> {
    try {
      const by = await this.#options.by?.(request);
      return typeof by === "string" && by !== "" ? by : "dashboard";
    } catch {
      throw new DashboardError(500, "INTERNAL", "The option `by` of the dashboard failed, so nothing was changed.");
    }
  }

  #report(action: DashboardAction): void {
    try {
      ignoreRejection(this.#options.onAction?.(action));
    } catch {
      // The action is over.
    }
  }

  /** @throws DashboardError if the store does not exist, or if the user may not read it */
  async #context(request: Request, key: string): Promise<CallContext> {
    const source = this.#sources.get(key);
    if (source === undefined || !(await this.#may(request, "read", key))) {
      throw new DashboardError(403, "FORBIDDEN", "You may not see this store, or it does not exist.");
    }
    const values = new Values(this.#options.show, { request, store: key });
    return { key, source, opened: await source.open(), values };
  }

  async #may(request: Request, action: "read" | ActionName, store: string): Promise<boolean> {
    try {
      return (await this.#options.may(request, action, store)) === true;
    } catch {
      return false;
    }
  }

  async #describe(request: Request): Promise<DashboardInfo> {
    const { title = "Jobs", color = null } = this.#options;
    const stores = await Promise.all(Array.from(this.#sources, ([key]) => this.#describeStore(request, key)));
    return { title, color, stores: stores.filter((store) => store !== null) };
  }

  /** Returns null if the user may not read the store. */
  async #describeStore(request: Request, key: string): Promise<StoreInfo | null> {
    const source = this.#sources.get(key);
    if (source === undefined || !(await this.#may(request, "read", key))) return null;
    const readOnly = this.#isReadOnly;
    const broker = source.options.broker !== undefined;
    let opened: OpenedStore;
    try {
      opened = await source.refresh();
    } catch (error) {
      const none = { name: "", statuses: [], fields: [], actions: [], lifecycle: false };
      return { key, ...none, readOnly, broker, error: messageOf(error) };
    }
    const { lifecycle, hasDefinition } = opened;
    const { definition } = opened.store;
    const offered = readOnly
      ? []
      : NAMES.filter((action) => {
          if (action === "retry" || action === "move") return lifecycle;
          if (action === "copy") return hasDefinition;
          return broker || (action !== "redrive" && action !== "discard");
        });
    const permitted = await Promise.all(offered.map((action) => this.#may(request, action, key)));
    return {
      key,
      name: definition.name,
      statuses: statusesOf(definition),
      fields: Object.keys(definition.index ?? {}),
      ...{ lifecycle, readOnly, broker },
      actions: offered.filter((_, n) => permitted[n]),
      error: null,
    };
  }
}

/** Returns the ids that an action names, for a report about an action that was not performed. */
function idsIn({ chosen, entryIds, ids, id, queue }: Body): readonly string[] {
  const jobs = typeof chosen === "object" && chosen !== null && "jobs" in chosen ? chosen.jobs : undefined;
  const named = [jobs, entryIds, ids, id].find((value) => value !== undefined) ?? queue;
  return (Array.isArray(named) ? named : [named]).flatMap((one) => {
    const value: unknown = typeof one === "object" && one !== null && "id" in one ? one.id : one;
    return typeof value === "string" ? [value] : [];
  });
}

/** Checks the stores of the options. @throws JobStoreError INVALID_ARGUMENT */
function sourcesOf({ stores }: DashboardOptions): ReadonlyMap<string, StoreSource> {
  if (typeof stores !== "object" || stores === null || Object.keys(stores).length === 0) {
    return invalid("`createDashboard` requires `stores`, for example { jobs: { store } }.");
  }
  return new Map(
    Object.entries(stores).map(([key, options]) => {
      if ((options?.store === undefined) === (options?.driver === undefined)) {
        return invalid(
          `The store ${JSON.stringify(key)} of createDashboard requires either a \`store\` or a \`driver\`.`,
        );
      }
      return [key, new StoreSource(options)];
    }),
  );
}

/** Checks a token. Browsers cannot send other characters in a header. @throws JobStoreError INVALID_ARGUMENT */
function checkTokenOption(token: unknown): void {
  if (token === undefined || (typeof token === "string" && /^[!-~](?:[ -~]*[!-~])?$/.test(token))) return;
  invalid("`token` of createDashboard must have only characters of ASCII, at least one, and no space at its ends.");
}
