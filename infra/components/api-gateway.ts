import * as pulumi from "@pulumi/pulumi";
import { render } from "../lib/render.ts";
import { bytes } from "../lib/units.ts";
import { PORTS } from "../ports.ts";
import { Certificate, type CertificateAuthority } from "../secrets/certificates.ts";
import type { Settings } from "../settings/schema.ts";
import type { Target } from "../target.ts";
import type { ApiService } from "./api-service.ts";

export interface ApiGatewayArgs {
  readonly target: Target;
  readonly settings: Pick<Settings, "access" | "haproxy">;
  readonly service: ApiService;
  readonly portOffset: number;
  /** Trust domain of whoever reads the metrics. */
  readonly metricsAuthority: CertificateAuthority;
}

/** Connections that clients may hold open; each costs some kilobytes. */
const MAX_CONNECTIONS = 2_000;

/** HAProxy as the one address of all API instances, on targets whose service names do not balance by themselves. */
export class ApiGateway extends pulumi.ComponentResource {
  /** Name inside the network. */
  readonly host: string;

  constructor(name: string, args: ApiGatewayArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dujyo:index:ApiGateway", name, {}, opts);
    const { target, settings, service, portOffset, metricsAuthority } = args;
    const leaf = new Certificate(
      `${name}-metrics-tls`,
      { authority: metricsAuthority, commonName: name, names: [name] },
      { parent: this },
    );
    const servers = service.members.map(
      (host) => `    server ${host} ${host}:${PORTS.api} check verifyhost ${host}`,
    );
    target.service(
      name,
      {
        image: "haproxy",
        instances: 1,
        limits: { memory: bytes(settings.haproxy.memory), cpus: settings.haproxy.cpus },
        ports: [
          { name: "api", port: PORTS.api, published: PORTS.api + portOffset },
          { name: "metrics", port: PORTS.haproxyMetrics },
        ],
        environment: { ROUTER_BACKEND: "api", ROUTER_PORT: String(PORTS.api) },
        files: [
          { path: "tls/ca.crt", content: service.ca },
          { path: "tls/metrics-ca.crt", content: metricsAuthority.certificate },
          { path: "tls/metrics.crt", content: leaf.certificate, delivery: "reload" },
          { path: "tls/metrics.key", content: leaf.privateKey, delivery: "reload" },
          {
            path: "haproxy.cfg",
            content: render("haproxy/gateway.cfg", {
              maxConnections: MAX_CONNECTIONS,
              clientNetworks: target.peerNetworks.join(" "),
              adminNetworks: [...target.loopbackNetworks, ...settings.access.adminCidrs].join(" "),
              servers: servers.join("\n"),
            }),
          },
        ],
        stopGrace: 10,
        startTimeout: 90,
      },
      { parent: this, after: [service] },
    );
    this.host = name;
    this.registerOutputs({});
  }
}
