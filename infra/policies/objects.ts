/** The parts of Kubernetes objects that policies look at. */

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean;
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  };
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly livenessProbe?: unknown;
  readonly readinessProbe?: unknown;
  readonly startupProbe?: unknown;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly priorityClassName?: string;
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly seccompProfile?: { readonly type: string };
    readonly sysctls?: readonly unknown[];
  };
  readonly affinity?: {
    readonly podAntiAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly { readonly topologyKey: string }[];
    };
  };
  readonly topologySpreadConstraints?: readonly {
    readonly topologyKey: string;
    readonly whenUnsatisfiable: string;
    readonly minDomains?: number;
  }[];
}

/** An object as the program registers it. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** An object that makes pods. */
export interface PodMaker {
  /** Kind and name, for messages. */
  readonly at: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How many there are at once at the least; 2 where load decides. */
  readonly replicas: number;
  readonly pod: PodSpec;
}

const MAKERS = new Set(["Deployment", "StatefulSet", "Job"]);

interface MakerSpec {
  readonly replicas?: number;
  readonly template: {
    readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
    readonly spec: PodSpec;
  };
}

/** Everything among `objects` that makes pods. */
export function podMakers(objects: readonly KubernetesObject[]): PodMaker[] {
  return objects
    .filter(({ kind }) => MAKERS.has(kind))
    .map(({ kind, metadata, spec }) => {
      const { replicas, template } = spec as unknown as MakerSpec;
      const scaled = kind === "Deployment" && replicas === undefined;
      return {
        at: `${kind} ${metadata.labels?.["app.kubernetes.io/component"] ?? metadata.name}`,
        kind,
        labels: template.metadata?.labels ?? {},
        replicas: scaled ? 2 : (replicas ?? 1),
        pod: template.spec,
      };
    });
}

/** All containers of a pod, those that run before the others among them. */
export function containersOf(pod: PodSpec): readonly Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}

/** Whether `labels` carry all of `wanted`. */
export function matches(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> = {},
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
