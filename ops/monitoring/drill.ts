import { Failure } from "../../tools/failure.ts";
import { formatTable } from "../table.ts";
import type { MonitoringAddresses } from "./addresses.ts";
import {
  exhaustConnections,
  type Fault,
  type FaultArgs,
  killPrimary,
  stopExporter,
  stopShard,
} from "./faults.ts";
import { Prometheus } from "./prometheus.ts";
import { type Delivery, RECEIVER_HOST, RECEIVER_PORT, Receiver } from "./receiver.ts";
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
  exporter: { cause: stopExporter, alerts: ["TargetDown"] },
} as const satisfies Record<string, Drill>;

export type DrillName = keyof typeof DRILLS;

export interface DrillArgs {
  /** Faults to be caused at the same time. */
  readonly names: readonly DrillName[];
  readonly stack: string;
  readonly addresses: MonitoringAddresses;
  /** Seconds for each of the steps, from quiet to delivered to resolved. Default: the longest `for:`, and a group interval. */
  readonly patience?: number;
  readonly onEvent: (text: string) => void;
}

/** The longest `for:` at its real length, and a group interval. */
const PATIENCE_SECONDS = 900;
/** Between two drills nobody receives, and that is told: it is no consequence of the fault. */
const OF_THE_DRILL = "AlertsNotDelivered";

/**
 * Breaks parts and follows their alerts from pending to resolved. The stack is whole again at the end, also after a
 * failure.
 *
 * @returns the line of each page that a person would have been called with, one for each group
 * @throws Failure with the timeline so far where an alert does not come as far as it has to
 */
export async function drill({
  names,
  stack,
  addresses,
  patience = PATIENCE_SECONDS,
  onEvent,
}: DrillArgs): Promise<string[]> {
  const drills = names.map((name): Drill => DRILLS[name]);
  const alerts = drills.flatMap((drill) => drill.alerts);
  const prometheus = new Prometheus(addresses.prometheus);
  const before = await quiet(prometheus, alerts, { patience, onEvent });
  const receiver = await Receiver.start(stack);
  const faults: Fault[] = [];
  try {
    const timeline = new Timeline(alerts);
    for (const { cause } of drills) {
      const fault = await cause({ stack, prometheus });
      faults.push(fault);
      onEvent(fault.what);
    }
    const follow = async () => {
      timeline.seeActive(await prometheus.alerts());
      timeline.seeDeliveries(await receiver.deliveries());
    };
    const show = () => formatTable(["alert", "pending", "firing", "delivered", "resolved"], timeline.rows());
    const until = async (step: "delivered" | "resolved", hint: string) => {
      const deadline = Date.now() + patience * 1_000;
      while (timeline.lacking(step).length > 0) {
        if (Date.now() > deadline)
          throw new Failure(`${timeline.lacking(step).join(", ")}: not ${step} in time. ${hint}\n${show()}`);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await follow();
      }
    };
    await until(
      "delivered",
      `Alertmanager has to know a receiver of type pagerduty for pages and tickets with the url http://${RECEIVER_HOST}:${RECEIVER_PORT}/, see docs/monitoring.md.`,
    );
    await mend(faults);
    onEvent("mended");
    await until("resolved", "The part may not have come back; see npm run status.");
    onEvent(show());
    return pages(await receiver.deliveries(), before);
  } finally {
    await mend(faults);
    await receiver.stop();
  }
}

/** Mends what is broken, and forgets it. */
async function mend(faults: Fault[]): Promise<void> {
  for (let fault = faults.pop(); fault; fault = faults.pop()) await fault.mend();
}

function pages(deliveries: readonly Delivery[], before: ReadonlySet<string>): string[] {
  const called = deliveries.filter(
    ({ name, status, title }) =>
      status === "firing" && /\] page /.test(title) && name !== OF_THE_DRILL && !before.has(name),
  );
  return [...new Map(called.map(({ group, title }) => [group, title])).values()];
}

/**
 * Waits until none of `names` is active: what an earlier fault left behind would pass for this one's. Other pages need
 * not end first, since those of the objectives look hours back; the drill does not count them as its own.
 *
 * @returns the names of the pages that were there before
 */
async function quiet(
  prometheus: Prometheus,
  names: readonly string[],
  { patience, onEvent }: Pick<Required<DrillArgs>, "patience" | "onEvent">,
): Promise<Set<string>> {
  const deadline = Date.now() + patience * 1_000;
  let told = "";
  for (;;) {
    const alerts = await prometheus.alerts();
    const active = alerts.filter(({ name }) => names.includes(name));
    if (active.length === 0)
      return new Set(alerts.filter(({ labels }) => labels.severity === "page").map(({ name }) => name));
    const waited = active.map(({ name, labels }) => `${name} ${labels.instance ?? ""}`.trim()).join(", ");
    if (Date.now() > deadline)
      throw new Failure(`${waited}: active before anything was broken. Mend that first, see npm run status.`);
    if (waited !== told) onEvent(`waits for the end of ${waited}`);
    told = waited;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
