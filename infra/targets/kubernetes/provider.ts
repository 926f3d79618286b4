import * as kubernetes from "@pulumi/kubernetes";

/**
 * The provider, which finds the cluster by the user's own kubeconfig.
 *
 * @param context name of one of its contexts; empty: the current one
 */
export function createProvider(context: string): kubernetes.Provider {
  // The SDK would copy what this variable says into the state, and older releases of the provider take it for the file's
  // content. The provider itself looks at its own environment.
  const { KUBECONFIG } = process.env;
  delete process.env.KUBECONFIG;
  try {
    return new kubernetes.Provider("cluster", {
      ...(context === "" ? {} : { context }),
      // Members are restarted by a digest on their pods; a Secret that was made anew would leave them without one meanwhile.
      enableSecretMutable: true,
    });
  } finally {
    if (KUBECONFIG !== undefined) process.env.KUBECONFIG = KUBECONFIG;
  }
}
