import type { X509Certificate } from "node:crypto";
import { Failure } from "../../tools/failure.ts";
import { mustRun } from "../../tools/process.ts";
import { type Cluster, namespaceOf, reachCluster } from "../../tools/stack/kubernetes-cluster.ts";
import { CanNotAsk } from "../audit/check.ts";
import { type Listener, listeners, listeningPorts, openingOf } from "../audit/listeners.ts";
import { shakeHands } from "../audit/probe.ts";
import { addressOf, type Container } from "../audit/scene.ts";
import { containerName } from "../docker-inventory.ts";
import type { Member } from "../inventory.ts";
import type { RunningStack } from "../running-stack.ts";

/** What a port shows to whoever asks. */
export interface Shown {
  /** Member and port. */
  readonly place: string;
  /** SHA-256, as `X509Certificate` has it. */
  readonly fingerprint: string;
}

type Place = Pick<Listener, "host" | "port" | "opening">;

const TABLES = "cat /proc/net/tcp; if [ -e /proc/net/tcp6 ]; then cat /proc/net/tcp6; fi";
/** Pods that are asked at once: each port takes a client program of its own. */
const PODS_AT_ONCE = 4;

/**
 * The certificates of all ports, beyond loopback, of the members that run; ports in clear are left out.
 *
 * @throws Failure where the ports are not to be had
 */
export async function shownCertificates(stack: RunningStack): Promise<Shown[]> {
  const running = (await stack.platform.members()).filter((member) => member.running);
  return stack.settings.target === "kubernetes" ? ofPods(stack, running) : ofContainers(stack, running);
}

async function ofContainers({ name }: RunningStack, members: readonly Member[]): Promise<Shown[]> {
  const names = members.map((member) => containerName(name, member.name));
  const containers = JSON.parse(await mustRun("docker", ["inspect", ...names])) as Container[];
  const shown = await Promise.all(
    listenersOf(containers).map((listener) => shownAt(`${listener.member}:${listener.port}`, listener)),
  );
  return shown.flat();
}

function listenersOf(containers: readonly Container[]): Listener[] {
  try {
    return listeners({ containers: containers.filter((container) => addressOf(container) !== "") });
  } catch (error) {
    if (!(error instanceof CanNotAsk)) throw error;
    throw new Failure(
      `The certificates are replaced; whether every port shows its new one is not known: ${error.message}.`,
    );
  }
}

async function ofPods(stack: RunningStack, members: readonly Member[]): Promise<Shown[]> {
  const cluster = await reachCluster(stack.settings);
  const waiting = [...members];
  const shown: Shown[] = [];
  const work = async () => {
    for (let member = waiting.shift(); member; member = waiting.shift())
      shown.push(...(await ofPod(stack, cluster, member)));
  };
  await Promise.all(Array.from({ length: PODS_AT_ONCE }, work));
  return shown;
}

/** A pod's own kernel tables tell its ports, those of what stands beside the member too. */
async function ofPod(stack: RunningStack, cluster: Cluster, member: Member): Promise<Shown[]> {
  const { code, stdout, stderr } = await stack.platform.exec(member, ["/bin/sh", "-c", TABLES], 10_000);
  if (code !== 0) throw new Failure(`${member.name} does not tell its ports: ${stderr.trim()}.`);
  const shown: Shown[] = [];
  for (const port of listeningPorts(stdout)) {
    const way = await cluster.forward(namespaceOf(stack.name, stack.settings), member.name, port);
    const place = { host: "127.0.0.1", port: way.port, opening: openingOf(port) };
    shown.push(...(await shownAt(`${member.name}:${port}`, place).finally(way.close)));
  }
  return shown;
}

async function shownAt(place: string, where: Place): Promise<Shown[]> {
  let shown: X509Certificate | undefined;
  await shakeHands(
    where,
    where.opening,
    { rejectUnauthorized: false },
    Buffer.from("\r\n"),
    (certificate) => {
      shown = certificate;
    },
  );
  return shown ? [{ place, fingerprint: shown.fingerprint256 }] : [];
}
