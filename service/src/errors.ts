/** Every way in which the API refuses or fails, by its stable code. Clients may rely on code and status. */
const PROBLEMS = {
  invalid_request: [400, "The request is malformed"],
  invalid_token: [401, "A valid bearer token is required"],
  forbidden: [403, "The token does not allow this"],
  not_found: [404, "There is nothing here"],
  timeout: [408, "The request took too long to arrive"],
  insufficient_funds: [409, "The sender's balance does not cover the amount"],
  wrong_nonce: [409, "The nonce is not the sender's next one"],
  idempotency_conflict: [422, "The idempotency key was used with another request"],
  unsupported_media_type: [415, "The request body has to be JSON"],
  rate_limited: [429, "More requests were sent than the limit allows"],
  internal: [500, "The request failed here"],
  overloaded: [503, "More requests are waiting than can be answered in time"],
  unavailable: [503, "No database node can answer at the moment; nothing was changed"],
  commit_unknown: [
    503,
    "Whether the transaction was booked is unknown; repeat it with the same Idempotency-Key",
  ],
  draining: [503, "This instance is about to stop"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** A field of the request and what is wrong with it. */
export interface FieldIssue {
  readonly field: string;
  readonly message: string;
}

export interface ProblemDetails {
  /** What is wrong in this case, for a person. Never holds secrets or other people's data. */
  readonly detail?: string;
  readonly issues?: readonly FieldIssue[];
  /** Facts for a program, such as the nonce that was expected. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Seconds after which a repeat makes sense. @default 1 for every 503 */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

/** An answer other than success, as RFC 9457 describes it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.detail ?? PROBLEMS[code][1], { cause: details.cause });
    this.name = "Problem";
    this.code = code;
    this.status = PROBLEMS[code][0];
    this.details = details;
  }

  get retryAfter(): number | undefined {
    return this.details.retryAfter ?? (this.status === 503 ? 1 : undefined);
  }

  /** The document's members; `instance` is the request's id, under which the logs tell more. */
  toDocument(instance: string): Record<string, unknown> {
    const { detail, issues, facts } = this.details;
    return {
      type: `urn:dujyo:problem:${this.code}`,
      title: PROBLEMS[this.code][1],
      status: this.status,
      code: this.code,
      ...(detail === undefined ? {} : { detail }),
      ...(issues === undefined ? {} : { issues }),
      ...facts,
      instance: `urn:dujyo:request:${instance}`,
    };
  }
}

/** A request whose named field is not acceptable. */
export function invalidField(field: string, message: string): Problem {
  return new Problem("invalid_request", { detail: `${field} ${message}`, issues: [{ field, message }] });
}
