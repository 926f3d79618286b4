import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";

export interface EntryArgs {
  readonly part: string;
  readonly namespace: string;
  readonly labels: Record<string, pulumi.Input<string>>;
  readonly port: number;
  readonly settings: Pick<Settings["kubernetes"], "ingress">;
  /** Of it, the networks from which alone the admin routes are answered; from everywhere where there are none. */
  readonly access: Pick<Settings["access"], "adminCidrs">;
}

const ADMIN_PATH = "/admin";

/** Lets clients from outside in, under one name and with its certificate. Between controller and service runs TLS as well. */
export function createEntry(args: EntryArgs, opts: pulumi.CustomResourceOptions): void {
  const {
    part,
    access: { adminCidrs },
  } = args;
  createPath(`${part}-entry`, part, "/", {}, args, opts);
  if (adminCidrs.length > 0)
    createPath(
      `${part}-admin-entry`,
      `${part}-admin`,
      ADMIN_PATH,
      { "nginx.ingress.kubernetes.io/whitelist-source-range": adminCidrs.join(",") },
      args,
      opts,
    );
}

/** An Ingress of its own: what its annotations say holds for all its paths. */
function createPath(
  resource: string,
  name: string,
  path: string,
  annotations: Readonly<Record<string, string>>,
  { part, namespace, labels, port, settings }: EntryArgs,
  opts: pulumi.CustomResourceOptions,
): void {
  const { host, className, tlsSecret, corsOrigins } = settings.ingress;
  const cors: Record<string, string> =
    corsOrigins.length === 0
      ? {}
      : {
          "nginx.ingress.kubernetes.io/enable-cors": "true",
          "nginx.ingress.kubernetes.io/cors-allow-origin": corsOrigins.join(","),
        };
  new kubernetes.networking.v1.Ingress(
    resource,
    {
      metadata: {
        name,
        namespace,
        labels,
        annotations: {
          // A controller without an address of its own would never be waited for to the end.
          "pulumi.com/skipAwait": "true",
          "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
          ...cors,
          ...annotations,
        },
      },
      spec: {
        ...(className === "" ? {} : { ingressClassName: className }),
        tls: [{ hosts: [host], secretName: tlsSecret }],
        rules: [
          {
            host,
            http: {
              paths: [
                {
                  path,
                  pathType: "Prefix",
                  backend: { service: { name: part, port: { number: port } } },
                },
              ],
            },
          },
        ],
      },
    },
    opts,
  );
}
