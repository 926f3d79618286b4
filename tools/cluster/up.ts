import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { mustRun, run } from "../process.ts";
import { ensureBaseImage } from "../setup/base-image.ts";
import { canInstallPackages, installPackages } from "../setup/debian.ts";
import { ensureDockerEngine } from "../setup/docker-engine.ts";
import { Progress, type Step } from "../setup/progress.ts";
import { ensureProjectImages } from "../setup/project-images.ts";
import { openForwarding } from "./forwarding.ts";
import { loadImages, RUNTIME_SOCKET } from "./images.ts";
import { startMetrics } from "./metrics.ts";
import { ensureIdentity, pki, TOKEN_FILE } from "./pki.ts";
import {
  API_PORT,
  CLUSTER,
  IMAGE_STORE,
  KUBECONFIG,
  machineAddress,
  NAME,
  PAUSE_IMAGE,
  POD_NETWORK,
  PROVISIONER,
  SERVICE_NETWORK,
  STORAGE_CLASS,
  STORE_PORT,
  template,
  whyNoCluster,
} from "./place.ts";
import { start, until } from "./processes.ts";
import { CNI_PROGRAMS, ensurePrograms, program } from "./programs.ts";
import { missingRuntime } from "./runtime-interface.ts";

const READY_SECONDS = 120;

/**
 * A cluster of one node on this machine, of Kubernetes' own programs, for tests; safe to repeat.
 *
 * @returns path of its kubeconfig
 * @throws Failure where this is no Linux machine that the user is root of, or a part does not come up
 */
export async function clusterUp(): Promise<string> {
  const reason = whyNoCluster();
  if (reason !== undefined) throw new Failure(reason);
  const progress = new Progress();
  const address = machineAddress();
  // Images are built by Docker, which brings containerd along as well.
  await progress.step("Docker engine", ensureDockerEngine);
  await progress.step("base image", ensureBaseImage);
  await ensureProjectImages(progress);
  await progress.step("programs", ensurePrograms);
  await progress.step("control plane", () => controlPlane(address));
  await progress.step("node", () => node(address));
  await progress.step("metrics", () => startMetrics(address));
  await progress.step("images", loadImages);
  await progress.step("volumes", volumes);
  process.stdout.write(`\n${progress.table()}\n`);
  return KUBECONFIG;
}

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  return mustRun(program("kubectl"), ["--kubeconfig", KUBECONFIG, ...args], { input });
}

async function controlPlane(address: string): Promise<void> {
  mkdirSync(CLUSTER, { recursive: true, mode: 0o700 });
  await ensureIdentity(address);
  const store = `http://127.0.0.1:${STORE_PORT}`;
  start("etcd", program("etcd"), [
    ...["--data-dir", join(CLUSTER, "etcd"), "--log-level", "warn"],
    ...["--listen-client-urls", store, "--advertise-client-urls", store],
    ...["--listen-peer-urls", `http://127.0.0.1:${STORE_PORT + 1}`, "--unsafe-no-fsync"],
  ]);
  start("kube-apiserver", program("kube-apiserver"), [
    `--etcd-servers=${store}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${API_PORT}`,
    `--service-cluster-ip-range=${SERVICE_NETWORK}`,
    `--tls-cert-file=${pki("cluster.crt")}`,
    `--tls-private-key-file=${pki("cluster.key")}`,
    `--token-auth-file=${TOKEN_FILE}`,
    "--authorization-mode=RBAC",
    "--anonymous-auth=false",
    `--kubelet-client-certificate=${pki("cluster.crt")}`,
    `--kubelet-client-key=${pki("cluster.key")}`,
    // For what is served beside it, such as metrics: it tells there who asks.
    // Straight to whoever serves it: the node's rules for addresses of services may not be there yet.
    "--enable-aggregator-routing=true",
    `--client-ca-file=${pki("cluster.crt")}`,
    `--requestheader-client-ca-file=${pki("cluster.crt")}`,
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${pki("cluster.crt")}`,
    `--proxy-client-key-file=${pki("cluster.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${pki("accounts.key")}`,
    `--service-account-signing-key-file=${pki("accounts.key")}`,
    // Nobody but the node itself knows its name.
    "--kubelet-preferred-address-types=InternalIP",
    "--allow-privileged=true",
    "--v=1",
  ]);
  await until(
    "the cluster's API",
    READY_SECONDS,
    async () => {
      const result = await run(program("kubectl"), ["--kubeconfig", KUBECONFIG, "get", "--raw", "/readyz"]);
      return result.code === 0 ? undefined : result.stderr.trim().split("\n").at(-1);
    },
    "kube-apiserver",
  );
  start("kube-controller-manager", program("kube-controller-manager"), [
    `--kubeconfig=${KUBECONFIG}`,
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
    `--root-ca-file=${pki("cluster.crt")}`,
    `--service-account-private-key-file=${pki("accounts.key")}`,
    `--cluster-cidr=${POD_NETWORK}`,
  ]);
  start("kube-scheduler", program("kube-scheduler"), [
    `--kubeconfig=${KUBECONFIG}`,
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
  ]);
}

async function node(address: string): Promise<void> {
  const holes = {
    root: CLUSTER,
    address,
    imageStore: IMAGE_STORE,
    pauseImage: PAUSE_IMAGE,
    cniPrograms: CNI_PROGRAMS,
    podNetwork: POD_NETWORK,
  };
  mkdirSync(join(CLUSTER, "cni"), { recursive: true });
  mkdirSync(join(CLUSTER, "run"), { recursive: true });
  const files = {
    "containerd.toml": "containerd.toml",
    "kubelet.yml": "kubelet.yml",
    Corefile: "Corefile",
    "network.conflist": "cni/network.conflist",
  };
  for (const [name, to] of Object.entries(files)) writeFileSync(join(CLUSTER, to), template(name, holes));
  await openForwarding();
  start("containerd", "containerd", ["--config", join(CLUSTER, "containerd.toml")]);
  // A kubelet that meets no runtime ends.
  await until("the container runtime", READY_SECONDS, () => missingRuntime(RUNTIME_SOCKET), "containerd");
  start("coredns", program("coredns"), ["-conf", join(CLUSTER, "Corefile")]);
  start("kube-proxy", program("kube-proxy"), [
    `--kubeconfig=${KUBECONFIG}`,
    `--cluster-cidr=${POD_NETWORK}`,
    `--hostname-override=${NAME}`,
    "--proxy-mode=iptables",
    "--conntrack-max-per-core=0",
    "--conntrack-tcp-timeout-established=0s",
    "--conntrack-tcp-timeout-close-wait=0s",
    "--metrics-bind-address=127.0.0.1:10249",
    "--healthz-bind-address=127.0.0.1:10256",
  ]);
  start("kubelet", program("kubelet"), [
    `--config=${join(CLUSTER, "kubelet.yml")}`,
    `--kubeconfig=${KUBECONFIG}`,
    `--root-dir=${join(CLUSTER, "kubelet")}`,
    `--cert-dir=${join(CLUSTER, "pki")}`,
    `--hostname-override=${NAME}`,
    `--node-ip=${address}`,
    "--node-labels=topology.kubernetes.io/zone=here",
    "--v=1",
  ]);
  await until(
    "the node",
    READY_SECONDS,
    async () => {
      const path = '-o=jsonpath={.status.conditions[?(@.type=="Ready")].status}';
      const result = await run(program("kubectl"), ["--kubeconfig", KUBECONFIG, "get", "node", NAME, path]);
      return result.stdout.trim() === "True"
        ? undefined
        : `${result.stdout}${result.stderr}`.trim() || "unknown";
    },
    "kubelet",
  );
}

/** A class whose disks are made when they are claimed, and grow in use; they go with the cluster. */
async function volumes(step: Step): Promise<void> {
  if ((await run("mkfs.xfs", ["-V"])).code !== 0) {
    if (!canInstallPackages())
      throw new Failure("The cluster's disks need mkfs.xfs and xfs_growfs. Install xfsprogs, and repeat.");
    step.note("installing xfsprogs from Debian");
    await installPackages(step, ["xfsprogs"]);
  }
  start("provisioner", process.execPath, [join(import.meta.dirname, "provisioner.ts")]);
  const storage = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: STORAGE_CLASS },
    provisioner: PROVISIONER,
    volumeBindingMode: "WaitForFirstConsumer",
    allowVolumeExpansion: true,
  };
  await kubectl(["apply", "-f", "-"], JSON.stringify(storage));
}
