import { STATUS_CODES } from "node:http";
import { JobStoreError } from "@subtitles/job-store";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { ZodError } from "zod";

/** Seconds after which a client can repeat the request. Redis is rarely unavailable for long. */
const RETRY_AFTER_SECONDS = 5;

/** Error response to a request. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    /** Machine-readable reason. */
    readonly code: string,
    /** Human-readable text: the reason, and the way to solve the problem. */
    readonly detail: string,
  ) {
    super(detail);
  }
}

/** Answers every error as problem+json (RFC 9457), with a code, and with the id of the request in the log. */
export function answerErrors(server: FastifyInstance): void {
  server.setNotFoundHandler((_request, reply) =>
    send(
      reply,
      new Problem(404, "NOT_FOUND", "There is no route with this method and path. The README lists the routes."),
    ),
  );
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500) request.log.error({ err: error }, problem.detail);
    return send(reply, problem);
  });
}

function send(reply: FastifyReply, { status, code, detail }: Problem): FastifyReply {
  if (status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  const title = STATUS_CODES[status];
  return reply
    .code(status)
    .type("application/problem+json")
    .send({ type: "about:blank", title, status, code, detail, requestId: reply.request.id });
}

function problemOf(error: FastifyError | Problem | ZodError | JobStoreError): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ZodError) {
    const fields = error.issues.map(({ path, message }) => `${path.join(".") || "request"}: ${message}`);
    return new Problem(400, "INVALID_REQUEST", fields.join("; "));
  }
  if (JobStoreError.is(error)) return problemOfStore(error);
  // Fastify rejected the request, for example because its body is not JSON.
  const status = "statusCode" in error ? (error.statusCode ?? 500) : 500;
  return status < 500
    ? new Problem(status, "INVALID_REQUEST", error.message)
    : new Problem(500, "INTERNAL", "Unexpected error. The log has the details under this requestId.");
}

function problemOfStore({ code, message, indeterminate }: JobStoreError): Problem {
  switch (code) {
    case "INVALID_DATA":
    case "INVALID_ARGUMENT":
      return new Problem(400, "INVALID_REQUEST", message);
    case "NOT_FOUND":
      return new Problem(404, "NOT_FOUND", "There is no such job.");
    case "ILLEGAL_TRANSITION":
    case "CONFLICT":
      return new Problem(409, "WRONG_STATUS", message);
    case "UNAVAILABLE":
    case "CLOSED":
      // The client can repeat the request in both cases, because this creates no second job.
      return indeterminate
        ? new Problem(
            503,
            "STORE_UNAVAILABLE",
            "The job store did not answer, so the change was made or not. Repeat the request.",
          )
        : new Problem(
            503,
            "STORE_UNAVAILABLE",
            "The job store is unavailable, and nothing was changed. Repeat the request.",
          );
    default:
      return new Problem(500, "INTERNAL", "The job store failed. The log has the reason under this requestId.");
  }
}
