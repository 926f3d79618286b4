import { maxHeaderSize, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { type FieldIssue, invalidField, Problem, type ProblemCode } from "../errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The code of the problem that was answered. */
    problem: ProblemCode | undefined;
  }
}

export const PROBLEM_TYPE = "application/problem+json";

/** Answers every failure with a problem document. What went wrong inside is logged, not told. */
export function addProblems(app: FastifyInstance): void {
  app.decorateRequest("problem", undefined);
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = error instanceof Problem ? error : translate(error);
    if (problem.status >= 500) {
      const cause = problem.details.cause ?? (problem.code === "internal" ? error : undefined);
      request.log[problem.code === "internal" ? "error" : "warn"](
        { code: problem.code, err: cause },
        problem.message,
      );
    }
    return sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, new Problem("not_found", { detail: "no such route" })),
  );
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const { retryAfter } = problem;
  request.problem = problem.code;
  if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
  if (problem.status === 401) reply.header("www-authenticate", "Bearer");
  return reply
    .code(problem.status)
    .type(PROBLEM_TYPE)
    .header("cache-control", "no-store")
    .send(JSON.stringify(problem.toDocument(request.id)));
}

/**
 * Answers what is not even a request, on the bare socket: no route, no hook and no request id are known yet. The connection
 * ends with it, since nobody can tell where the next request would begin.
 */
export function sendClientProblem(error: NodeJS.ErrnoException, socket: Socket, id: string): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const problem = clientProblem(error.code);
  const body = JSON.stringify(problem.toDocument(id));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    `x-request-id: ${id}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function clientProblem(code: string | undefined): Problem {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new Problem("timeout");
  if (code === "HPE_HEADER_OVERFLOW")
    return invalidField("url and headers", `are together longer than ${maxHeaderSize} bytes`);
  return invalidField("request", "is no valid HTTP");
}

/** What an error of the framework means to a client. */
export function translate(error: FastifyError): Problem {
  if (error.validation) {
    const issues = error.validation.map((issue) => toIssue(issue, error.validationContext ?? "request"));
    return new Problem("invalid_request", { detail: issues.map(describe).join("; "), issues });
  }
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return invalidField("body", "is larger than this route takes");
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return new Problem("unsupported_media_type");
  if (error.statusCode === 400) {
    return error.code === "FST_ERR_BAD_URL"
      ? invalidField("url", "can not be decoded")
      : invalidField("body", "is not JSON");
  }
  return new Problem("internal", { cause: error });
}

type ValidationIssue = NonNullable<FastifyError["validation"]>[number];

/** Names the field as the client knows it: `amount`, `address`, `idempotency-key`. */
function toIssue({ instancePath, params, message }: ValidationIssue, context: string): FieldIssue {
  const missing = params.missingProperty ?? params.additionalProperty;
  const path = instancePath.split("/").filter(Boolean);
  if (typeof missing === "string") path.push(missing);
  return {
    field: path.join(".") || context,
    message: params.missingProperty
      ? "is required"
      : params.additionalProperty
        ? "is not known"
        : (message ?? "is invalid"),
  };
}

function describe({ field, message }: FieldIssue): string {
  return `${field} ${message}`;
}
