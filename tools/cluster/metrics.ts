import { join } from "node:path";
import { mustRun, run } from "../process.ts";
import { pki } from "./pki.ts";
import { CLUSTER, KUBECONFIG, METRICS_PORT } from "./place.ts";
import { start, until } from "./processes.ts";
import { program } from "./programs.ts";

const NAME = "metrics-server";
const NAMESPACE = "kube-system";
const GROUP = "metrics.k8s.io";
const VERSION = "v1beta1";
const READY_SECONDS = 60;

/** How busy pods are, for autoscalers: the program runs beside the cluster, whose API hands questions on to it. */
export async function startMetrics(address: string): Promise<void> {
  start(NAME, program(NAME), [
    ...["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"].map(
      (flag) => `--${flag}=${KUBECONFIG}`,
    ),
    `--bind-address=${address}`,
    `--secure-port=${METRICS_PORT}`,
    `--cert-dir=${join(CLUSTER, "metrics")}`,
    `--kubelet-certificate-authority=${pki("cluster.crt")}`,
    `--kubelet-client-certificate=${pki("cluster.crt")}`,
    `--kubelet-client-key=${pki("cluster.key")}`,
    "--kubelet-preferred-address-types=InternalIP",
    "--metric-resolution=15s",
  ]);
  const as = ["--kubeconfig", KUBECONFIG];
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects(address) });
  await mustRun(program("kubectl"), [...as, "apply", "-f", "-"], { input });
  // As long as it is announced and does not answer, clients that list all there is fail.
  await until(
    "metrics",
    READY_SECONDS,
    async () => {
      const result = await run(program("kubectl"), [...as, "get", "--raw", `/apis/${GROUP}/${VERSION}`]);
      return result.code === 0 ? undefined : result.stderr.trim().split("\n").at(-1);
    },
    NAME,
  );
}

function objects(address: string): object[] {
  const metadata = { name: NAME, namespace: NAMESPACE };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { ports: [{ port: 443, targetPort: METRICS_PORT, protocol: "TCP" }] },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": NAME } },
      addressType: "IPv4",
      ports: [{ port: METRICS_PORT, protocol: "TCP" }],
      endpoints: [{ addresses: [address] }],
    },
    {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: `${VERSION}.${GROUP}` },
      spec: {
        group: GROUP,
        version: VERSION,
        service: { name: NAME, namespace: NAMESPACE },
        // The certificate is made at each start.
        insecureSkipTLSVerify: true,
        groupPriorityMinimum: 100,
        versionPriority: 100,
      },
    },
  ];
}
