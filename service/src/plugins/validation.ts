import { Ajv } from "ajv";
import type { FastifyInstance } from "fastify";

/**
 * Text becomes numbers where the transport knows only text. A body is taken as it is written: "10" is not an amount,
 * and unknown members are refused rather than dropped.
 */
export function addValidation(app: FastifyInstance): void {
  const common = { useDefaults: true, allErrors: false, removeAdditional: false } as const;
  const strict = new Ajv({ ...common, coerceTypes: false });
  const coercing = new Ajv({ ...common, coerceTypes: true });
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === "querystring" ? coercing : strict).compile(schema as object),
  );
}
