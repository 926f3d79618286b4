import { Type } from "typebox";

const ADDRESS_PATTERN = "^[A-Za-z0-9_-]{1,64}$";
/** Whether a text is an address. */
export const IS_ADDRESS = new RegExp(ADDRESS_PATTERN);
export const HASH_PATTERN = "^[0-9a-f]{64}$";

export const Address = Type.String({
  pattern: ADDRESS_PATTERN,
  description: "1 to 64 letters, digits, _ or -",
});
export const Hash = Type.String({ pattern: HASH_PATTERN, description: "64 hexadecimal digits, lower case" });
/** Integer micro-DYO; the whole supply is below 2^53. */
export const Amount = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: "micro-DYO",
});
export const EpochSeconds = Type.Integer({ description: "seconds since 1970" });
/** Positions are opaque to clients; they happen to be decimal numbers. */
export const Cursor = Type.String({ pattern: "^[0-9]{1,18}$", description: "from a former answer" });
export const Limit = (fallback: number, maximum: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, default: fallback, description: "entries per page" }));

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

/** What a client has already, from a former answer's ETag. Compared as it stands, and free to be anything. */
const IfNoneMatch = Type.Optional(
  Type.String({ description: "ETag of a former answer; 304 if it still holds" }),
);

/** Headers that every cached read understands. */
export const CachedHeaders = Type.Object({ "if-none-match": IfNoneMatch });

/** Headers that every read of an account understands. */
export const ReadHeaders = Type.Object({
  "if-none-match": IfNoneMatch,
  "x-read-after": Type.Optional(
    Type.String({
      pattern: "^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}(;[A-Za-z0-9_-]{1,64}=[0-9]{1,15}){0,2}$",
      description: "read_after of a write's answer: this read sees that write",
    }),
  ),
});

/** RFC 9457 problem document. */
export const ProblemDocument = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: "stable" }),
    detail: Type.Optional(Type.String()),
    issues: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
    instance: Type.String(),
  },
  { additionalProperties: true },
);

const PROBLEM_CONTENT = { "application/problem+json": { schema: ProblemDocument } };

const RETRY_HEADERS = {
  "retry-after": { type: "integer", minimum: 1, description: "seconds after which a repeat makes sense" },
};

type Refusal = 401 | 403 | 404 | 409 | 415 | 422;

/** Any request may be malformed, one too many for its caller, or one too many for the process. */
const ALWAYS = [400, 429, 503] as const;

/** Responses of a route: the one of success, and problems for the rest, those that every route has among them. */
export function responses<T>(success: T, ...codes: Refusal[]) {
  const problems = [...ALWAYS, ...codes].map((code) => [
    code,
    {
      description: "problem",
      ...(code === 429 || code === 503 ? { headers: RETRY_HEADERS } : {}),
      content: PROBLEM_CONTENT,
    },
  ]);
  return { 200: success, ...Object.fromEntries(problems) };
}

/** Responses of a cached read, which is answered 304 to who has the answer already. */
export function cachedResponses<T>(success: T, ...codes: Refusal[]) {
  return {
    ...responses(success, ...codes),
    304: { type: "null", description: "what the client has still holds" },
  };
}
