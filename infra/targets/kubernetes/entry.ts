import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";

export interface EntryArgs {
  readonly part: string;
  readonly namespace: string;
  readonly labels: Record<string, pulumi.Input<string>>;
  readonly port: number;
  readonly ingress: Settings["kubernetes"]["ingress"];
}

/** Lets clients from outside in, under one name and with its certificate. Between controller and service runs TLS as well. */
export function createEntry(args: EntryArgs, opts: pulumi.CustomResourceOptions): void {
  const { part, namespace, labels, port, ingress } = args;
  const { host, className, tlsSecret, corsOrigins } = ingress;
  const cors: Record<string, string> =
    corsOrigins.length === 0
      ? {}
      : {
          "nginx.ingress.kubernetes.io/enable-cors": "true",
          "nginx.ingress.kubernetes.io/cors-allow-origin": corsOrigins.join(","),
        };
  new kubernetes.networking.v1.Ingress(
    `${part}-entry`,
    {
      metadata: {
        name: part,
        namespace,
        labels,
        annotations: {
          // A controller without an address of its own would never be waited for to the end.
          "pulumi.com/skipAwait": "true",
          "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
          ...cors,
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
                  path: "/",
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
