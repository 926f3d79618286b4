import { type RequestOptions, request } from "node:https";
import type { ClientConfig } from "pg";
import { PORTS } from "../../infra/ports.ts";
import type { Cluster, Forwarding } from "../../tools/stack/kubernetes-cluster.ts";
import type { Connection } from "../connection.ts";
import { IDENTITY_SECRET } from "../kubernetes-connection.ts";
import { sessionOptions } from "../postgres/session.ts";
import type { MonitoringAddresses } from "./addresses.ts";
import { Prometheus } from "./prometheus.ts";

/** How the checks of the monitoring reach a stack. */
export interface WayIn {
  readonly prometheus: Prometheus;
  /** A login at the writer endpoint. */
  readonly writer: ClientConfig;
  /** Asks one instance of the API after the other for a path; the status, or undefined where none answers. */
  ask(path: string): Promise<number | undefined>;
  close(): void;
}

const ANSWER_MS = 5_000;

/** On the machine that the stack runs on. */
export function onLoopback(addresses: MonitoringAddresses, connection: Connection): WayIn {
  return {
    prometheus: new Prometheus(addresses.prometheus),
    writer: sessionOptions(connection, connection.writer, "monitoring"),
    async ask(path) {
      const response = await fetch(addresses.api + path, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(
        () => undefined,
      );
      await response?.arrayBuffer().catch(() => undefined);
      return response?.status;
    },
    close: () => undefined,
  };
}

/**
 * Through forwarded ports, with the identity that the stack's Prometheus has for the pages of the monitoring. It takes the
 * right to read that Secret and to forward ports.
 *
 * @throws Failure where either is missing, or a pod
 */
export async function throughCluster(
  cluster: Cluster,
  namespace: string,
  connection: Connection,
): Promise<WayIn> {
  const opened: Forwarding[] = [];
  const close = () => {
    for (const forwarding of opened) forwarding.close();
  };
  const open = async (opening: Promise<Forwarding>) => {
    const forwarding = await opening;
    opened.push(forwarding);
    return forwarding.port;
  };
  try {
    const secret = await cluster.secretFiles(namespace, IDENTITY_SECRET);
    const [ca, cert, key] = ["ca.crt", "client.crt", "client.key"].map((file) =>
      secret(`tls__monitoring-${file}`),
    );
    const prometheus = await open(cluster.forward(namespace, "prometheus-0", PORTS.prometheus));
    const writer = await open(cluster.forwardToPart(namespace, "haproxy", PORTS.writer));
    const instances = await cluster.podsOf(namespace, "api");
    const api = await Promise.all(instances.map((pod) => open(cluster.forward(namespace, pod, PORTS.api))));
    const apiCa = secret("tls__api-ca.crt");
    let turn = 0;
    return {
      prometheus: new Prometheus(`https://127.0.0.1:${prometheus}`, {
        ...{ ca, cert, key, servername: "prometheus" },
      }),
      writer: sessionOptions(connection, { host: "127.0.0.1", port: writer }, "monitoring", {
        ssl: { ca: connection.postgresCa, servername: "haproxy", minVersion: "TLSv1.3" },
      }),
      ask: (path) => {
        const port = api[turn++ % api.length];
        return statusOf({ host: "127.0.0.1", port, path, ca: apiCa, servername: "api" });
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function statusOf(options: RequestOptions): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request({ ...options, timeout: ANSWER_MS }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode));
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(undefined));
    asked.end();
  });
}
