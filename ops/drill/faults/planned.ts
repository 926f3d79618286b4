import { handOver } from "../../postgres/hand-over.ts";
import { planRestart, rollingRestart } from "../../rolling-restart.ts";
import { type Fault, nothingToHeal } from "../fault.ts";
import { READS } from "./postgres.ts";

/** What is done on purpose. */
export const PLANNED_FAULTS: readonly Fault[] = [
  {
    name: "switchover",
    title: "planned switchover",
    hits: "postgres",
    hold: 2,
    goal: { writeOutage: 2, noErrors: true, ...READS },
    inject: async ({ stack }) => {
      await handOver(stack);
      return nothingToHeal;
    },
  },
  {
    name: "rolling-restart",
    title: "rolling restart of PostgreSQL",
    hits: "postgres",
    hold: 2,
    goal: { writeOutage: 5, ...READS },
    inject: async ({ stack }) => {
      await rollingRestart(stack, await planRestart(stack, "postgres"), () => undefined);
      return nothingToHeal;
    },
  },
];
