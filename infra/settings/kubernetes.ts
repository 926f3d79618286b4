import { z } from "zod";
import { choice, flag, network, section, share, whole } from "./kinds.ts";

/** A name as Kubernetes takes it; empty where there is none. */
const name = z
  .string()
  .regex(/^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$/, {
    error: (issue) => `is ${JSON.stringify(issue.input)}; use lower-case letters, digits and dashes`,
  })
  .default("");

const DIGEST = /^[0-9a-f]{12}@sha256:[0-9a-f]{64}$/;

/** Settings of stacks that run on Kubernetes. */
export const kubernetes = section({
  context: z
    .string()
    .default("")
    .describe("Context of the kubeconfig that names the cluster; empty: the current one."),
  namespace: name.describe("Namespace of the stack; empty: `dujyo-<stack>`."),
  createNamespace: flag(true).describe(
    "Whether the stack makes its namespace. Where Secrets have to be in it before (`kubernetes.pullSecret`, `kubernetes.ingress.tlsSecret`), it is made by hand.",
  ),
  policies: choice(["all", "shared", "production"], "shared").describe(
    "Policies that the stack has to keep: those of throw-away stacks (`all`), of shared ones, or of production.",
  ),
  podNetwork: network("10.0.0.0/8").describe(
    "Addresses that pods have. PostgreSQL takes sessions from there alone.",
  ),
  platformNetwork: network("0.0.0.0/0").describe(
    "Where the cluster's API is, which Patroni elects through: no other pod may reach it.",
  ),
  storageClass: name.describe(
    "Storage class of all volumes; empty: the cluster's default. Fixed once the stack exists.",
  ),
  encryptedStorage: flag(false).describe(
    "Whether that class encrypts its volumes, stated by whoever provides it. Demanded in production.",
  ),
  protectVolumes: flag(true).describe(
    "Whether deleting a volume is refused until it is unprotected by hand.",
  ),
  registry: z
    .string()
    .default("")
    .describe("Registry and path in front of the images' names; empty: the nodes have the images already."),
  pullSecret: name.describe("Secret in the namespace that opens the registry; empty: none is needed."),
  digests: z
    .record(
      z.string(),
      z.string().regex(DIGEST, {
        error: (issue) =>
          `is ${JSON.stringify(issue.input)}; use what "npm run images -- push" writes: a tag, "@sha256:" and 64 hexadecimal digits`,
      }),
    )
    .default({})
    .describe(
      "Tag and digest of each pushed image by its name, such as `postgres`, written by `npm run images -- push`: what runs is then that very image.",
    ),
  dataPriority: name.describe("Priority class of PostgreSQL and Redis; empty: the cluster's default."),
  servicePriority: name.describe("Priority class of all others; empty: the cluster's default."),
  zones: whole(1, 10, 1).describe("Zones that members are spread over; 1: zones are not looked at."),
  spread: choice(["required", "preferred"], "required").describe(
    "Whether members of a part may share a node, or a zone, where there are too few. One node alone needs `preferred`.",
  ),
  cpuShare: share(0.5).describe("Part of each processor limit that is requested from the scheduler."),
  ingress: section({
    host: name.describe("Name under which clients reach the API; empty: no Ingress."),
    className: name.describe("Ingress class; empty: the cluster's default."),
    tlsSecret: name.describe("Secret in the namespace with the certificate of that name."),
    controllerNamespace: name.describe(
      "Namespace of the ingress controller, from which alone requests are admitted.",
    ),
    corsOrigins: z
      .array(
        z.string().regex(/^https?:\/\/[^/*]+$/, {
          error: (issue) =>
            `is ${JSON.stringify(issue.input)}; use an origin such as "https://app.dujyo.com"`,
        }),
      )
      .default([])
      .describe("Origins whose pages may call the API from a browser."),
  }),
});
