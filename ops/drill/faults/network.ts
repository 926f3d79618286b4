import { type Fault, needsNetwork } from "../fault.ts";
import { LEASE, READS } from "./postgres.ts";

/** Links of the primary that break or suffer. */
export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: "primary-cut",
    title: "primary cut off from everything",
    hits: "network",
    hold: 5,
    goal: { ...LEASE, ...READS },
    obstacle: needsNetwork,
    inject: async ({ injector, primary }) => {
      await injector.cut(primary);
      return () => injector.mend(primary);
    },
  },
  {
    name: "primary-cut-from-store",
    title: "primary cut off from the consensus store only",
    hits: "network",
    hold: 25,
    goal: READS,
    obstacle: needsNetwork,
    inject: async ({ injector, primary, etcd }) => {
      await injector.cut(primary, etcd);
      return () => injector.mend(primary);
    },
  },
  {
    name: "primary-cut-from-replicas",
    title: "primary cut off from its replicas only",
    hits: "network",
    hold: 15,
    // Strict synchronous replication: writes wait until the link is back.
    untilWriting: false,
    goal: { writesAfterHeal: 5, ...READS },
    obstacle: needsNetwork,
    inject: async ({ injector, primary, replicas }) => {
      await injector.cut(primary, replicas);
      return () => injector.mend(primary);
    },
  },
  {
    name: "primary-loss",
    title: "3 of 10 packets of the primary lost",
    hits: "network",
    hold: 20,
    goal: READS,
    obstacle: needsNetwork,
    inject: async ({ injector, primary }) => {
      await injector.lose(primary, 0.3);
      return () => injector.mend(primary);
    },
  },
  {
    name: "primary-late",
    title: "primary behind a line of 256 kbit/s, packets up to 2 s late",
    hits: "network",
    hold: 20,
    goal: READS,
    obstacle: needsNetwork,
    inject: async ({ injector, primary }) => {
      await injector.slow(primary, "256kbit");
      return () => injector.mend(primary);
    },
  },
];
