import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** Label whose value is the name of the election that a pod takes part in. */
export const ELECTION_LABEL = "dujyo.io/election";

/** Account of the pods that elect a leader. */
export const ELECTOR = "elector";

/**
 * What Patroni asks of the cluster's API, in this namespace alone: it keeps the lock and the shared configuration in
 * ConfigMaps, and writes on each member's pod how the member is.
 */
export const ELECTION_RULES: kubernetes.types.input.rbac.v1.PolicyRule[] = [
  {
    apiGroups: [""],
    resources: ["configmaps"],
    verbs: ["create", "get", "list", "patch", "update", "watch"],
  },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "patch", "update", "watch"] },
];

/** Declares the account with its rights. */
export function createElector(
  namespace: string,
  labels: Record<string, pulumi.Input<string>>,
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const metadata = { name: ELECTOR, namespace, labels };
  const account = new kubernetes.core.v1.ServiceAccount(
    ELECTOR,
    {
      // Older releases of the provider wait for a token, which accounts no longer get.
      metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
      automountServiceAccountToken: false,
    },
    opts,
  );
  const role = new kubernetes.rbac.v1.Role(ELECTOR, { metadata, rules: ELECTION_RULES }, opts);
  const binding = new kubernetes.rbac.v1.RoleBinding(
    ELECTOR,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: ELECTOR },
      subjects: [{ kind: "ServiceAccount", name: ELECTOR, namespace }],
    },
    { ...opts, dependsOn: [account, role] },
  );
  return [account, role, binding];
}
