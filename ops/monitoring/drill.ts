import { Failure } from "../../tools/failure.ts";
import { formatTable } from "../table.ts";
import type { MonitoringAddresses } from "./addresses.ts";
import { exhaustConnections, type Fault, type FaultArgs, killPrimary, stopShard } from "./faults.ts";
import { Prometheus } from "./prometheus.ts";
import { RECEIVER_HOST, RECEIVER_PORT, Receiver } from "./receiver.ts";
import { Timeline } from "./timeline.ts";

interface Drill {
  readonly cause: (args: FaultArgs) => Promise<Fault>;
  /** Alerts that have to fire, be delivered and be resolved. */
  readonly alerts: readonly string[];
}

/** Each fault with the alerts that it has to raise. Others that it raises too are not asked for. */
export const DRILLS = {
  primary: { cause: killPrimary, alerts: ["PostgresMemberDown"] },
  connections: { cause: exhaustConnections, alerts: ["PostgresConnectionsHigh"] },
  shard: { cause: stopShard, alerts: ["RedisSlotsFailing"] },
} as const satisfies Record<string, Drill>;

export type DrillName = keyof typeof DRILLS;

export interface DrillArgs {
  readonly name: DrillName;
  readonly stack: string;
  readonly addresses: MonitoringAddresses;
  readonly onEvent: (text: string) => void;
}

/** The longest `for:` at its real length, and a group interval. */
const PATIENCE_SECONDS = 900;

/**
 * Breaks one part and follows its alerts from pending to resolved. The stack is whole again at the end, also after a
 * failure.
 *
 * @throws Failure with the timeline so far where an alert does not come as far as it has to
 */
export async function drill({ name, stack, addresses, onEvent }: DrillArgs): Promise<void> {
  const { cause, alerts } = DRILLS[name] as Drill;
  const prometheus = new Prometheus(addresses.prometheus);
  await quiet(prometheus, alerts);
  const receiver = await Receiver.start(stack);
  let fault: Fault | undefined;
  try {
    const timeline = new Timeline(alerts);
    fault = await cause({ stack, prometheus });
    onEvent(`${name}: ${fault.what}`);
    const follow = async () => {
      timeline.seeActive(await prometheus.alerts());
      timeline.seeDeliveries(await receiver.deliveries());
    };
    const show = () => formatTable(["alert", "pending", "firing", "delivered", "resolved"], timeline.rows());
    const until = async (step: "delivered" | "resolved", hint: string) => {
      const deadline = Date.now() + PATIENCE_SECONDS * 1_000;
      while (timeline.lacking(step).length > 0) {
        if (Date.now() > deadline)
          throw new Failure(`${timeline.lacking(step).join(", ")}: not ${step} in time. ${hint}\n${show()}`);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await follow();
      }
    };
    await until(
      "delivered",
      `Alertmanager has to know a receiver of type pagerduty with the url http://${RECEIVER_HOST}:${RECEIVER_PORT}/, see docs/monitoring.md.`,
    );
    await fault.mend();
    fault = undefined;
    onEvent(`${name}: mended`);
    await until("resolved", "The part may not have come back; see npm run status.");
    onEvent(show());
  } finally {
    await fault?.mend();
    await receiver.stop();
  }
}

/** Waits until none of `names` is active: what an earlier fault left behind would pass for this one's. */
async function quiet(prometheus: Prometheus, names: readonly string[]): Promise<void> {
  const deadline = Date.now() + PATIENCE_SECONDS * 1_000;
  for (;;) {
    const active = (await prometheus.alerts()).filter(({ name }) => names.includes(name));
    if (active.length === 0) return;
    if (Date.now() > deadline)
      throw new Failure(
        `${active.map(({ name }) => name).join(", ")}: active before anything was broken. Mend that first, see npm run status.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
