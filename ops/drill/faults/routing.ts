import { partMembers } from "../../running-stack.ts";
import type { Fault } from "../fault.ts";
import { nothingToHeal } from "../fault.ts";

function processKilled(part: string, title: string): Fault {
  return {
    name: `${part}-killed`,
    title,
    hits: "routing",
    hold: 2,
    inject: async ({ injector, stack }) => {
      const [member] = partMembers(stack, part);
      if (member) await injector.signal(member, "main", "KILL");
      return nothingToHeal;
    },
  };
}

/** What stands between clients and members. */
export const ROUTING_FAULTS: readonly Fault[] = [
  processKilled("pgbouncer", "PgBouncer killed -9"),
  processKilled("haproxy", "HAProxy killed -9"),
  {
    ...processKilled("api", "one instance of the API killed -9 in the middle of requests"),
    hits: "api",
  },
];
