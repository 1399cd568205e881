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

/** Seconds after which a client can repeat the request. Redis and RabbitMQ are rarely unavailable for long. */
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

/** Form of every error response: problem+json (RFC 9457). It replaces that of the templates: it has a schema and more fields. */
const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: problemCode.describe("Machine-readable reason"),
    detail: z.string().describe("Human-readable reason, and the way to solve the problem"),
    requestId: z.string().describe("Id of the request in the log"),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe("INVALID_REQUEST: the fields that are wrong"),
    jobId: z
      .string()
      .optional()
      .describe("Id of the job, if it is not known whether it was accepted. Request this job to find out"),
  })
  .meta({ id: "Problem" });

/** Returns the error responses of a route for its `response`, in addition to those of every route. */
export function refusals(...statuses: readonly number[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: STATUS_CODES[status] ?? "Refused", content: { "application/problem+json": { schema: problem } } },
    ]),
  );
}

/** Error response to a request. */
export class Problem extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: ProblemCode,
    readonly detail: string,
    /** Additional fields of the response. */
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

/** The address cannot be decoded or is much too long, so it has no route. */
export function answerBrokenAddress(_error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  send(reply, new Problem(400, "INVALID_REQUEST", "This is not an address of this service."));
}

const BROKEN: Readonly<Record<string, readonly [number, ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "TOO_LARGE", "The request's headers are too large."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "TIMEOUT", "The request took too long to arrive."],
};

/** Answers bytes that are not HTTP, or an incomplete request. There is no request that a handler could answer. */
export function answerBrokenRequest({ code = "" }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, problemCode, detail] = BROKEN[code] ?? [400, "INVALID_REQUEST", "This is not an HTTP request."];
  const title = STATUS_CODES[status] ?? "Error";
  const body = JSON.stringify({ type: "about:blank", title, status, code: problemCode, detail });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  // Closes both directions. `end` alone would wait for the client to close its direction.
  socket.destroySoon();
}

function problemOf(error: FastifyError | Problem | JobStoreError | QueueError): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return problemOfRequest(error);
  if (error instanceof KeyReusedError) {
    return new Problem(
      422,
      "KEY_REUSED",
      "This Idempotency-Key was used for another request. Use a new key for each request.",
    );
  }
  if (error instanceof SubtitleFormatError) return new Problem(422, "UNREADABLE_SUBTITLE", error.message);
  if (error instanceof KeysUnavailableError) return storeAway();
  if (JobStoreError.is(error)) return problemOfStore(error);
  if (QueueError.is(error)) return problemOfQueue(error);
  const { statusCode = 500, message } = error;
  if (statusCode < 500) return new Problem(statusCode, codeOf(statusCode), message);
  return new Problem(500, "INTERNAL", "Unexpected error. The log has the details.");
}

function problemOfRequest({ validation, validationContext }: FastifyError): Problem {
  const errors = (validation ?? []).map((issue) => ({
    field: issue.instancePath.slice(1).replaceAll("/", "."),
    message: issue.message ?? "Not valid",
  }));
  // The message of an unknown field contains its name, because its path is that of the body.
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
      return new Problem(409, "WRONG_STATUS", "The job has changed in the meantime. Read it again, and then decide.");
    case "UNAVAILABLE":
    case "CLOSED":
      return error.indeterminate && error.jobId
        ? new Problem(
            503,
            "STORE_UNAVAILABLE",
            `The job store did not answer in time: it was done or not, and /api/v1/jobs/${error.jobId} shows it.`,
            { jobId: error.jobId },
          )
        : storeAway();
    default:
      return new Problem(500, "INTERNAL", "The job store failed. The log has the details.");
  }
}

function storeAway(): Problem {
  return new Problem(503, "STORE_UNAVAILABLE", "The job store is unavailable, and nothing was changed. Try again.");
}

export function queueAway(): Problem {
  return new Problem(503, "QUEUE_UNAVAILABLE", "RabbitMQ is unavailable. Try again.");
}

function problemOfQueue(error: QueueError): Problem {
  switch (error.code) {
    case "UNAVAILABLE":
    case "TIMEOUT":
    case "CLOSED":
      return queueAway();
    default:
      return new Problem(500, "INTERNAL", "RabbitMQ failed. The log has the details.");
  }
}
