import * as pulumi from "@pulumi/pulumi";

/** Mark of Pulumi's wire format on a value of a special kind; here all of them are secrets. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Whether an input travels as a secret. */
export function isSecret(input: unknown): boolean {
  return typeof input === "object" && input !== null && SIGNATURE in input;
}

/** `input` with every secret in it replaced by its value. */
export function plain(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(plain);
  if (typeof input !== "object" || input === null) return input;
  if (isSecret(input)) return plain((input as { value: unknown }).value);
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, plain(value)]));
}

/** A resource as the program registered it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

/** What the dynamic resources of the program give back; every other resource gives back its inputs. */
const OUTPUTS: Record<string, (name: string) => Record<string, unknown>> = {
  "pulumi-nodejs:dynamic/secrets:Password": (name) => ({ value: `password-of-${name}` }),
  "pulumi-nodejs:dynamic/secrets:SecretKey": (name) => ({ value: `key-of-${name}` }),
  "pulumi-nodejs:dynamic/secrets:Identity": () => ({ value: "identity" }),
  "pulumi-nodejs:dynamic/secrets:SigningKey": (name) => ({
    keySet: JSON.stringify({ keys: [{ kid: name }] }),
    privateJwk: `key-of-${name}`,
  }),
  "pulumi-nodejs:dynamic/secrets:CertificateAuthority": (name) => ({
    certificate: `certificate-of-${name}`,
    privateKey: `key-of-${name}`,
  }),
  "pulumi-nodejs:dynamic/secrets:Certificate": (name) => ({
    certificate: `certificate-of-${name}`,
    privateKey: `key-of-${name}`,
  }),
  "pulumi-nodejs:dynamic/docker:Ready": () => ({}),
  "pulumi-nodejs:dynamic/docker:Reload": () => ({}),
  "pulumi-nodejs:dynamic/docker:Run": () => ({}),
  "pulumi-nodejs:dynamic/kubernetes:Generation": (name) => ({ value: `generation-of-${name}` }),
  "docker:index/remoteImage:RemoteImage": (name) => ({ imageId: `sha256:${name}` }),
  "docker:index/container:Container": () => ({}),
  "docker:index/network:Network": () => ({}),
  "docker:index/volume:Volume": () => ({}),
  ...Object.fromEntries(
    [
      "apps/v1:Deployment",
      "apps/v1:StatefulSet",
      "autoscaling/v2:HorizontalPodAutoscaler",
      "batch/v1:Job",
      "core/v1:ConfigMap",
      "core/v1:Namespace",
      "core/v1:PersistentVolumeClaim",
      "core/v1:Secret",
      "core/v1:Service",
      "core/v1:ServiceAccount",
      "monitoring.coreos.com/v1:PrometheusRule",
      "monitoring.coreos.com/v1:ServiceMonitor",
      "networking.k8s.io/v1:Ingress",
      "networking.k8s.io/v1:NetworkPolicy",
      "policy/v1:PodDisruptionBudget",
      "rbac.authorization.k8s.io/v1:Role",
      "rbac.authorization.k8s.io/v1:RoleBinding",
    ].map((kind) => [`kubernetes:${kind}`, () => ({})]),
  ),
  "pulumi:providers:kubernetes": () => ({}),
};

/** Runs `program` under recording mocks and gives what it registered, components included, in order of registration. */
export async function record(program: () => unknown, stack = "dev"): Promise<Registered[]> {
  const registered: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs, custom }) {
        registered.push({ type, name, inputs });
        const outputs = OUTPUTS[type];
        if (custom && outputs === undefined) throw new Error(`Mock not implemented: ${type}`);
        return { id: `${name}-id`, state: { ...inputs, ...outputs?.(name) } };
      },
      call({ token }) {
        throw new Error(`Mock not implemented: ${token}`);
      },
    },
    "dujyo",
    stack,
    false,
  );
  await pulumi.runtime.runInPulumiStack(async () => {
    await program();
  });
  // Outputs of components are registered last; they belong to these mocks, not to the next program's.
  await pulumi.runtime.disconnect();
  return registered;
}

/** The registered resources of one type, by name. */
export function ofType(
  registered: readonly Registered[],
  type: string,
): Map<string, Record<string, unknown>> {
  return new Map(
    registered.filter((resource) => resource.type === type).map(({ name, inputs }) => [name, inputs]),
  );
}
