import type { ClientConfig } from "pg";
import type { StackOutputs } from "../../infra/stack-outputs.ts";
import type { Connection } from "../connection.ts";
import type { Forwarded } from "../kubernetes-connection.ts";
import { sessionOptions } from "../postgres/session.ts";
import type { MonitoringAddresses } from "./addresses.ts";
import { Prometheus } from "./prometheus.ts";

/** How the checks of the monitoring reach a stack. */
export interface WayIn {
  readonly prometheus: Prometheus;
  /** A login at the writer endpoint. */
  readonly writer: ClientConfig;
  /** Asks one instance of the API after the other for a path; the status, or undefined where none answers. */
  ask(path: string): Promise<number | undefined>;
}

const ANSWER_MS = 5_000;

/** On the machine that the stack runs on. */
export function onLoopback({ prometheus, api }: MonitoringAddresses, connection: Connection): WayIn {
  return wayIn(prometheus, [api], connection);
}

/**
 * Through forwarded ports.
 *
 * @throws Failure where this user may not read what the stack's Prometheus shows to the pages of the monitoring, or no
 * instance of the API runs
 */
export async function throughCluster(forwarded: Forwarded, outputs: StackOutputs): Promise<WayIn> {
  const [connection, { prometheus }, instances] = await Promise.all([
    forwarded.connection(outputs),
    forwarded.monitoring(),
    forwarded.instances(outputs),
  ]);
  return wayIn(prometheus, instances, connection);
}

function wayIn(prometheus: string, instances: readonly string[], connection: Connection): WayIn {
  let turn = 0;
  return {
    prometheus: new Prometheus(prometheus),
    writer: sessionOptions(connection, connection.writer, "monitoring"),
    async ask(path) {
      const instance = instances[turn++ % instances.length];
      const response = await fetch(`${instance}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(
        () => undefined,
      );
      await response?.arrayBuffer().catch(() => undefined);
      return response?.status;
    },
  };
}
