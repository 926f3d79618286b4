import { Failure } from "../failure.ts";
import type { Step } from "../setup/progress.ts";
import { type Cluster, lastLine, type Named, STACK_LABEL } from "./kubernetes-cluster.ts";

/** Whose pods are replaced by others when their template changes. */
const KINDS = ["deployments.apps", "statefulsets.apps"] as const;

/** Longest wait for one workload, seconds: its members are replaced one after the other, and each has to be whole again. */
const ROLLOUT_SECONDS = 900;
/** The client ends by itself before. */
const CLIENT_SECONDS = ROLLOUT_SECONDS + 30;

/**
 * Waits until every workload of a stack has the pods that its template asks for, and none of before. The provider may call an update
 * done while former pods still serve; whoever asks the stack right after an `up` would be answered by one of those.
 *
 * @throws Failure naming the workload that does not get there
 */
export async function finishRollouts(
  step: Step,
  cluster: Pick<Cluster, "kubectl" | "list">,
  stack: string,
  namespace: string,
): Promise<void> {
  const where = `--namespace=${namespace}`;
  for (const kind of KINDS) {
    const selector = `--selector=${STACK_LABEL}=${stack}`;
    // Whoever may not look at them could not have changed them either.
    for (const { metadata } of (await cluster.list<Named>([kind, where, selector])) ?? []) {
      const workload = `${kind}/${metadata.name}`;
      step.line(workload);
      const status = ["rollout", "status", workload, where, `--timeout=${ROLLOUT_SECONDS}s`];
      const result = await cluster.kubectl(status, undefined, CLIENT_SECONDS);
      if (result.code === 0) continue;
      throw new Failure(
        `${workload} of "${stack}" is not what was asked for after ${ROLLOUT_SECONDS} s: ${lastLine(result, CLIENT_SECONDS)}. Its pods say why ` +
          `("kubectl ${where} describe ${workload}", "npm run logs -- --stack ${stack}"); mend that, and repeat.`,
      );
    }
  }
}
