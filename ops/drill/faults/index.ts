import { Refusal } from "../../refusal.ts";
import type { Fault } from "../fault.ts";
import { CACHE_FAULTS } from "./cache.ts";
import { CONSENSUS_FAULTS } from "./consensus.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { PLANNED_FAULTS } from "./planned.ts";
import { POSTGRES_FAULTS } from "./postgres.ts";
import { RESOURCE_FAULTS } from "./resources.ts";
import { ROUTING_FAULTS } from "./routing.ts";

/** Every fault there is, in the order of a full run. */
export const FAULTS: readonly Fault[] = [
  ...PLANNED_FAULTS,
  ...POSTGRES_FAULTS,
  ...NETWORK_FAULTS,
  ...CONSENSUS_FAULTS,
  ...ROUTING_FAULTS,
  ...CACHE_FAULTS,
  ...RESOURCE_FAULTS,
];

/** @throws Refusal listing the faults there are */
export function faultNamed(name: string): Fault {
  const found = FAULTS.find((fault) => fault.name === name);
  if (found) return found;
  throw new Refusal(
    `There is no fault "${name}". There are: ${FAULTS.map((fault) => fault.name).join(", ")}.`,
  );
}
