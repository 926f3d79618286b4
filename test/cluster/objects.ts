import { Cluster } from "../../tools/stack/kubernetes-cluster.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { NAMESPACE, STACK } from "./cluster-stack.ts";

/** The official client, bound to the stack's cluster. */
export const client = new Cluster(stackSettings(STACK).kubernetes.context);

/** Runs the official client in a namespace, the stack's unless said otherwise, and returns what it wrote. */
export async function kubectl(
  args: readonly string[],
  input?: string,
  namespace = NAMESPACE,
): Promise<string> {
  const result = await client.kubectl(["--namespace", namespace, ...args], input);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** Figures of a drill belong into the report as they were seen. */
export function tell(what: string, figures: object): void {
  console.log(`${what}: ${JSON.stringify(figures)}`);
}

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Pods of a part, or of all; those of jobs that are done left out. */
export async function pods(part?: string): Promise<Pod[]> {
  const selector = part === undefined ? [] : ["--selector", `app.kubernetes.io/component=${part}`];
  const text = await kubectl(["get", "pods", ...selector, "--output=json"]);
  return (JSON.parse(text) as { items: Pod[] }).items.filter(({ status }) => status.phase !== "Succeeded");
}

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false;
}

/** Cluster address of a service. */
export async function addressOf(service: string, namespace = NAMESPACE): Promise<string> {
  return kubectl(["get", "service", service, "--output=jsonpath={.spec.clusterIP}"], undefined, namespace);
}

/** The member that Patroni has labelled as the primary. */
export async function primary(): Promise<Pod> {
  const found = (await pods("postgres")).filter(({ metadata }) => metadata.labels.role === "primary");
  if (found.length !== 1) throw new Error(`${found.length} pods are labelled primary`);
  return found[0] as Pod;
}

/**
 * Polls until `count` pods of a part are ready, none of them among `gone`.
 *
 * @returns seconds that it took
 */
export async function allReady(
  part: string,
  count: number,
  gone: readonly string[] = [],
  seconds = 180,
): Promise<number> {
  const started = performance.now();
  for (;;) {
    const found = await pods(part);
    const well = found.filter((pod) => isReady(pod) && !gone.includes(pod.metadata.uid));
    if (well.length === count && found.length === count) return (performance.now() - started) / 1_000;
    if (performance.now() - started > seconds * 1_000)
      throw new Error(`${well.length} of ${count} pods of ${part} are ready after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
