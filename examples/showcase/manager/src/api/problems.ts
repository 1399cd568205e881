import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { SubtitleFormatError } from "@showcase/contracts/subtitle";
import { JobStoreError } from "@subtitles/job-store";
import { QueueError } from "@subtitles/queue";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { z } from "zod";
import { KeyReusedError, KeysUnavailableError } from "../jobs/request-memory.js";
import type { Server } from "./typed-server.js";

/** When to ask again, in seconds. Redis and RabbitMQ are rarely away for long, and a create is cheap. */
const RETRY_AFTER_SECONDS = 5;

export const problemCode = z.enum([
  "INVALID_REQUEST",
  "UNAUTHENTICATED",
  "NOT_FOUND",
  "TIMEOUT",
  "WRONG_STATUS",
  "TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "UNREADABLE_SUBTITLE",
  "KEY_REUSED",
  "TOO_MANY_REQUESTS",
  "INTERNAL",
  "STORE_UNAVAILABLE",
  "QUEUE_UNAVAILABLE",
  "TOO_MANY_STREAMS",
]);
export type ProblemCode = z.output<typeof problemCode>;

/** What every refusal looks like: problem+json (RFC 9457). */
const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: problemCode.describe("What went wrong, for programs"),
    detail: z.string().describe("What went wrong and what to do, for people"),
    requestId: z.string().describe("Under which the log has it"),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe("INVALID_REQUEST: the fields that are wrong"),
    jobId: z.string().optional().describe("Where it is not known whether the job was accepted: the id that will tell"),
  })
  .meta({ id: "Problem" });

/** For a route's `response`: the refusals it has besides those that any route has. */
export function refusals(...statuses: readonly number[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: STATUS_CODES[status] ?? "Refused", content: { "application/problem+json": { schema: problem } } },
    ]),
  );
}

/** An answer that is not what was asked for. */
export class Problem extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: ProblemCode,
    readonly detail: string,
    /** What else the client should know. */
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

export function answerWithProblems(server: Server): void {
  server.setNotFoundHandler((_request, reply) =>
    send(reply, new Problem(404, "NOT_FOUND", "There is no such address.")),
  );
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const found = problemOf(error);
    if (found.statusCode >= 500) request.log.error({ err: error }, found.detail);
    return send(reply, found);
  });
}

function send(reply: FastifyReply, { statusCode, code, detail, more }: Problem): FastifyReply {
  if (statusCode === 503 && !reply.hasHeader("retry-after")) reply.header("retry-after", RETRY_AFTER_SECONDS);
  return reply
    .code(statusCode)
    .type("application/problem+json")
    .header("cache-control", "no-store")
    .send({
      type: "about:blank",
      title: STATUS_CODES[statusCode] ?? "Error",
      status: statusCode,
      code,
      detail,
      requestId: reply.request.id,
      ...more,
    });
}

/** An address that cannot be decoded or is far too long: it leads to no route. */
export function answerBrokenAddress(_error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  send(reply, new Problem(400, "INVALID_REQUEST", "This is no address of this service."));
}

const BROKEN: Readonly<Record<string, readonly [number, ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "TOO_LARGE", "The request's headers are too large."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "TIMEOUT", "The request took too long to arrive."],
};

/** What arrived is no HTTP, or not all of it: there is no request yet that a handler could answer. */
export function answerBrokenRequest({ code = "" }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, problemCode, detail] = BROKEN[code] ?? [400, "INVALID_REQUEST", "This is no HTTP request."];
  const title = STATUS_CODES[status] ?? "Error";
  const body = JSON.stringify({ type: "about:blank", title, status, code: problemCode, detail });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  // `end` alone would wait for the client to close its side as well.
  socket.destroySoon();
}

function problemOf(error: FastifyError | Problem | JobStoreError | QueueError): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return problemOfRequest(error);
  if (error instanceof KeyReusedError) {
    return new Problem(422, "KEY_REUSED", "This Idempotency-Key stands for another request: use a new one for each.");
  }
  if (error instanceof SubtitleFormatError) return new Problem(422, "UNREADABLE_SUBTITLE", error.message);
  if (error instanceof KeysUnavailableError) return storeAway();
  if (JobStoreError.is(error)) return problemOfStore(error);
  if (QueueError.is(error)) return problemOfQueue(error);
  const { statusCode = 500, message } = error;
  if (statusCode < 500) return new Problem(statusCode, codeOf(statusCode), message);
  return new Problem(500, "INTERNAL", "This should not have happened. It has been logged.");
}

function problemOfRequest({ validation, validationContext }: FastifyError): Problem {
  const errors = (validation ?? []).map((issue) => ({
    field: issue.instancePath.slice(1).replaceAll("/", "."),
    message: issue.message ?? "Not valid",
  }));
  // The message of an unknown field names it: its path is that of the whole body.
  const fields = [...new Set(errors.map(({ field, message }) => field || `the ${validationContext} (${message})`))];
  return new Problem(400, "INVALID_REQUEST", `Please check ${fields.join(", ")}.`, { errors });
}

function codeOf(statusCode: number): ProblemCode {
  switch (statusCode) {
    case 401:
      return "UNAUTHENTICATED";
    case 404:
      return "NOT_FOUND";
    case 408:
      return "TIMEOUT";
    case 413:
      return "TOO_LARGE";
    case 415:
      return "UNSUPPORTED_MEDIA_TYPE";
    case 429:
      return "TOO_MANY_REQUESTS";
    default:
      return "INVALID_REQUEST";
  }
}

function problemOfStore(error: JobStoreError): Problem {
  switch (error.code) {
    case "INVALID_DATA":
    case "INVALID_ARGUMENT":
      return new Problem(400, "INVALID_REQUEST", error.message);
    case "NOT_FOUND":
      return new Problem(404, "NOT_FOUND", "There is no such job.");
    case "CONFLICT":
      return new Problem(409, "WRONG_STATUS", "The job changed in this moment: look at it again, then decide anew.");
    case "UNAVAILABLE":
    case "CLOSED":
      return error.indeterminate && error.jobId
        ? new Problem(
            503,
            "STORE_UNAVAILABLE",
            `The job store did not answer in time: it was done or not, and /api/v1/jobs/${error.jobId} will tell.`,
            { jobId: error.jobId },
          )
        : storeAway();
    default:
      return new Problem(500, "INTERNAL", "The job store could not answer. This has been logged.");
  }
}

function storeAway(): Problem {
  return new Problem(
    503,
    "STORE_UNAVAILABLE",
    "The job store cannot be reached: nothing was changed. Please try again.",
  );
}

export function queueAway(): Problem {
  return new Problem(503, "QUEUE_UNAVAILABLE", "RabbitMQ cannot be reached. Please try again.");
}

function problemOfQueue(error: QueueError): Problem {
  switch (error.code) {
    case "UNAVAILABLE":
    case "TIMEOUT":
    case "CLOSED":
      return queueAway();
    default:
      return new Problem(500, "INTERNAL", "The queue could not answer. This has been logged.");
  }
}
