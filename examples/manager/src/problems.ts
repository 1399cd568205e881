import { STATUS_CODES } from "node:http";
import { JobStoreError } from "@subtitles/job-store";
import type { FastifyError, FastifyReply } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import type { Server } from "./server.js";

/** When to ask again, in seconds. Redis is rarely away for long, and a create is cheap. */
const RETRY_AFTER_SECONDS = 5;

/** An answer that is not what was asked for, told as problem+json (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly statusCode: number,
    readonly detail: string,
    /** What else the client should know. */
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

export function answerWithProblems(server: Server): void {
  server.setNotFoundHandler((_request, reply) => send(reply, new Problem(404, "There is no such address.")));
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = problemOf(error);
    if (problem.statusCode >= 500) request.log.error({ err: error }, problem.detail);
    if (problem.statusCode === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
    return send(reply, problem);
  });
}

function problemOf(error: FastifyError | Problem | JobStoreError): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((issue) => ({
      field: issue.instancePath.slice(1).replaceAll("/", "."),
      message: issue.message ?? "Not valid",
    }));
    const fields = [...new Set(errors.map(({ field }) => field || `the ${error.validationContext}`))];
    return new Problem(400, `Please check ${fields.join(", ")}.`, { errors });
  }
  if (JobStoreError.is(error)) return problemOfStore(error);
  if (error.statusCode !== undefined && error.statusCode < 500) return new Problem(error.statusCode, error.message);
  return new Problem(500, "This should not have happened. It has been logged.");
}

function problemOfStore(error: JobStoreError): Problem {
  switch (error.code) {
    case "INVALID_DATA":
    case "INVALID_ARGUMENT":
      return new Problem(400, error.message);
    case "UNAVAILABLE":
    case "CLOSED":
      return error.indeterminate && error.jobId
        ? new Problem(
            503,
            `The job store did not answer in time: the job was accepted or not, and /subtitles/${error.jobId} will tell.`,
            { jobId: error.jobId },
          )
        : new Problem(503, "The job store cannot be reached: nothing was accepted. Please try again.");
    default:
      return new Problem(500, "The job store could not answer. This has been logged.");
  }
}

function send(reply: FastifyReply, { statusCode, detail, more }: Problem): FastifyReply {
  const title = STATUS_CODES[statusCode] ?? "Error";
  return reply
    .code(statusCode)
    .type("application/problem+json")
    .send({ type: "about:blank", title, status: statusCode, detail, ...more });
}
