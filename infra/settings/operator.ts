import { z } from "zod";
import { section } from "./kinds.ts";

const LABEL = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Where the Prometheus Operator's own parts are, and how they find what the stack has for them. */
export const operator = section({
  namespace: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, {
      error: (issue) => `is ${JSON.stringify(issue.input)}; use lower-case letters, digits and dashes`,
    })
    .default("monitoring")
    .describe("Namespace of the operator's Prometheus, from which alone figures are read."),
  labels: z
    .record(
      z.string(),
      z.string().regex(LABEL, {
        error: (issue) =>
          `is ${JSON.stringify(issue.input)}; use at most 63 letters, digits, dashes, dots and underscores`,
      }),
    )
    .default({ release: "kube-prometheus-stack" })
    .describe("Labels by which its selectors find service monitors and rules."),
});
