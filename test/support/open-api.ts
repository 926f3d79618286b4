import { Ajv2020 } from "ajv/dist/2020.js";

type Schema = Readonly<Record<string, unknown>>;

/** As much of an OpenAPI 3.1 document as answers are checked against. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;
}

type Responses = Readonly<
  Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
>;

/** The document's schemas are the subject: what they do not say, they must not let pass unseen. */
const ajv = new Ajv2020({ strict: false, allErrors: true });

/** A schema that allows no members beside those that it names, unless it says that there may be others. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return "properties" in members ? { additionalProperties: false, ...members } : members;
}

/** What an answer of a route says otherwise than the document; empty if nothing. */
export async function complaintsOf(
  document: OpenApi,
  route: string,
  method: string,
  answer: Response,
): Promise<string[]> {
  const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
  const described = document.paths[route]?.[method.toLowerCase()]?.responses[answer.status]?.content?.[type];
  if (!described) return [`${method} ${route} may answer no ${answer.status} of type ${type}`];
  const text = await answer.text();
  const valid = ajv.compile(closed(described.schema) as Schema);
  if (valid(type.endsWith("json") ? JSON.parse(text) : text)) return [];
  return (valid.errors ?? []).map(({ instancePath, message }) => `${instancePath || "/"} ${message}`);
}
