import type { JobsQuery, StoreInfo } from "../../protocol.js";
import { href, route } from "./route.js";

/** State of the list of jobs. The hash stores it. */
export interface ListState {
  readonly status: string | null;
  /** Index field and its value. */
  readonly where: { readonly field: string; readonly value: string } | null;
  readonly order: "newest" | "oldest";
  /** Bounds of the time, as ISO 8601. */
  readonly after: string | null;
  readonly before: string | null;
  /** Text that filters the loaded page. */
  readonly contains: string;
  readonly cursor: string | null;
  /** Number of rows on the pages before this one. */
  readonly from: number;
  readonly limit: number;
}

export const LIMITS = [50, 100, 500] as const;

export function listState(): ListState {
  const { status, field, value, order, after, before, contains, cursor, from, limit } = route.value.query;
  return {
    status: status ?? null,
    where: field && value ? { field, value } : null,
    order: order === "oldest" ? "oldest" : "newest",
    after: isTime(after) ? after : null,
    before: isTime(before) ? before : null,
    contains: contains ?? "",
    cursor: cursor ?? null,
    from: Math.max(0, Number.parseInt(from ?? "0", 10) || 0),
    limit: LIMITS.find((each) => String(each) === limit) ?? LIMITS[0],
  };
}

/** Returns the address of the list with some changes. Unless the change is about paging, it begins with the first page. */
export function listHref(store: StoreInfo, state: ListState, change: Partial<ListState>): string {
  const { status, where, order, after, before, contains, cursor, from, limit } = {
    ...state,
    ...("cursor" in change || "contains" in change ? {} : { cursor: null, from: 0 }),
    ...change,
  };
  return href(store.key, "jobs", null, {
    status,
    field: where?.field,
    value: where?.value,
    order: order === "newest" ? null : order,
    after,
    before,
    contains,
    cursor,
    from: from === 0 ? null : String(from),
    limit: limit === LIMITS[0] ? null : String(limit),
  });
}

export function queryOf({ status, where, order, after, before, cursor, limit }: ListState): JobsQuery {
  return {
    order,
    limit,
    ...(status !== null && { status }),
    ...(where !== null && { where: { [where.field]: where.value } }),
    ...(after !== null && { after }),
    ...(before !== null && { before }),
    ...(cursor !== null && { cursor }),
  };
}

function isTime(text: string | undefined): text is string {
  return text !== undefined && !Number.isNaN(Date.parse(text));
}
