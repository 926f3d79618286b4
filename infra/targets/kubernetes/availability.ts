import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

type Labels = Record<string, pulumi.Input<string>>;
type PodSpec = kubernetes.types.input.core.v1.PodSpec;

export interface SpreadArgs {
  readonly zones: number;
  readonly spread: "required" | "preferred";
}

/**
 * Where the members of a part go: evenly over nodes, and over zones where there are several.
 *
 * @param apart whether two of them may never share a node where spreading is required
 */
export function spread(
  selector: Labels,
  { zones, spread: how }: SpreadArgs,
  apart: boolean,
): Pick<PodSpec, "affinity" | "topologySpreadConstraints"> {
  const required = how === "required";
  const over = (topologyKey: string, minDomains?: number) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: required ? "DoNotSchedule" : "ScheduleAnyway",
    // Nodes that take no pods, such as those of the control plane, would count as empty ones for ever.
    nodeTaintsPolicy: "Honor",
    labelSelector: { matchLabels: selector },
    ...(required && minDomains !== undefined ? { minDomains } : {}),
  });
  const nodes = over("kubernetes.io/hostname");
  const elsewhere = {
    topologyKey: "kubernetes.io/hostname",
    labelSelector: { matchLabels: selector },
  };
  return {
    topologySpreadConstraints: [...(zones > 1 ? [over("topology.kubernetes.io/zone", zones)] : []), nodes],
    affinity: {
      podAntiAffinity:
        required && apart
          ? { requiredDuringSchedulingIgnoredDuringExecution: [elsewhere] }
          : {
              preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: elsewhere }],
            },
    },
  };
}

export interface AvailabilityArgs {
  readonly part: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly selector: Labels;
}

/** One member at a time may be moved on purpose. */
export function createBudget(args: AvailabilityArgs, opts: pulumi.CustomResourceOptions): void {
  const { part, namespace, labels, selector } = args;
  new kubernetes.policy.v1.PodDisruptionBudget(
    `${part}-budget`,
    {
      metadata: { name: part, namespace, labels },
      spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
    },
    opts,
  );
}

/** Mean use of the requested processor time, percent, above which instances are added. */
const CPU_TARGET = 70;
/** Seconds that load has to stay low before instances go: each of them takes its warm cache along. */
const CALM_SECONDS = 300;

export interface ScalingArgs extends Omit<AvailabilityArgs, "selector"> {
  readonly least: number;
  readonly most: number;
}

/** Adds and takes away instances of a Deployment by its processor time. */
export function createScaling(args: ScalingArgs, opts: pulumi.CustomResourceOptions): void {
  const { part, namespace, labels, least, most } = args;
  new kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
    `${part}-scaling`,
    {
      metadata: { name: part, namespace, labels },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: part },
        minReplicas: least,
        maxReplicas: most,
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: CPU_TARGET } },
          },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: CALM_SECONDS } },
      },
    },
    opts,
  );
}
