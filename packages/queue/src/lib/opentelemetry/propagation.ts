import { type Context, context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { PublishOptions } from "../message.js";

/** The trace that headers carry; null: none. */
export function carried(headers: Readonly<Record<string, string>>): Context | null {
  const found = propagation.extract(ROOT_CONTEXT, headers);
  return trace.getSpanContext(found) === undefined ? null : found;
}

/** Options whose headers carry the active trace. Headers that are none are left for the broker to refuse. */
export function traced(options: PublishOptions | undefined): PublishOptions | undefined {
  const given: unknown = options?.headers ?? {};
  if (typeof given !== "object" || given === null || Array.isArray(given)) return options;
  const headers: Record<string, string> = { ...given };
  propagation.inject(context.active(), headers);
  return Object.keys(headers).length === 0 ? options : { ...options, headers };
}

/** As `traced`, for one message of many: it keeps the trace that it has. */
export function tracedOnce(options: PublishOptions | undefined): PublishOptions | undefined {
  return options?.headers?.traceparent === undefined ? traced(options) : options;
}
