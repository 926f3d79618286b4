import { recoversFirst } from "../../../infra/settings/recovery.ts";
import { type Fault, needsAbsence, nothingToHeal } from "../fault.ts";

/** Share of the API's cached reads that go on whatever happens to PostgreSQL. */
export const READS = { cachedReadsAnswered: 0.9995 } as const;

/** Where the primary can not hand over, its lease decides: it is to be that much shorter than Patroni's own. */
export const LEASE = { ofStock: 0.7 } as const;

/** Processes and nodes of PostgreSQL that die or hang. */
export const POSTGRES_FAULTS: readonly Fault[] = [
  {
    name: "postgres-killed",
    title: "PostgreSQL of the primary killed -9, Patroni alive",
    hits: "postgres",
    hold: 2,
    goal: { writeOutage: 5, ...READS },
    inject: async ({ injector, primary }) => {
      await injector.signal(primary, "postmaster", "KILL");
      return nothingToHeal;
    },
  },
  {
    name: "postmaster-stopped",
    title: "postmaster of the primary stopped (SIGSTOP)",
    hits: "postgres",
    hold: 15,
    goal: READS,
    inject: async ({ injector, primary }) => {
      await injector.signal(primary, "postmaster", "STOP");
      return () => injector.signal(primary, "postmaster", "CONT");
    },
  },
  {
    name: "patroni-killed",
    title: "Patroni of the primary killed -9",
    hits: "postgres",
    hold: 2,
    goal: READS,
    inject: async ({ injector, primary }) => {
      await injector.signal(primary, "patroni", "KILL");
      return nothingToHeal;
    },
  },
  {
    name: "patroni-stopped",
    title: "Patroni of the primary stopped (SIGSTOP)",
    hits: "postgres",
    hold: 15,
    goal: READS,
    inject: async ({ injector, primary }) => {
      await injector.signal(primary, "patroni", "STOP");
      return () => injector.signal(primary, "patroni", "CONT");
    },
  },
  {
    name: "node-gone",
    title: "node of the primary killed and kept away",
    hits: "postgres",
    hold: 5,
    goal: { ...LEASE, ...READS },
    obstacle: needsAbsence,
    inject: async ({ injector, primary }) => {
      await injector.kill(primary);
      return () => injector.start(primary);
    },
  },
  {
    name: "node-frozen",
    title: "node of the primary frozen",
    hits: "postgres",
    hold: 5,
    goal: { ...LEASE, ...READS },
    inject: async ({ injector, primary }) => {
      await injector.freeze(primary);
      return () => injector.thaw(primary);
    },
  },
  {
    name: "replica-killed",
    title: "node of the more distant replica killed and kept away",
    hits: "postgres",
    hold: 5,
    goal: READS,
    obstacle: needsAbsence,
    inject: async ({ injector, replicas }) => {
      const replica = replicas.at(-1);
      if (!replica) return nothingToHeal;
      await injector.kill(replica);
      return () => injector.start(replica);
    },
  },
  {
    name: "standby-killed",
    title: "node of the nearest quorum standby killed and kept away",
    hits: "postgres",
    hold: 5,
    goal: READS,
    obstacle: needsAbsence,
    inject: async ({ injector, replicas: [standby] }) => {
      if (!standby) return nothingToHeal;
      await injector.kill(standby);
      return () => injector.start(standby);
    },
  },
  {
    name: "standby-frozen",
    title: "node of the nearest quorum standby frozen",
    hits: "postgres",
    hold: 10,
    goal: READS,
    inject: async ({ injector, replicas: [standby] }) => {
      if (!standby) return nothingToHeal;
      await injector.freeze(standby);
      return () => injector.thaw(standby);
    },
  },
  {
    name: "two-failovers",
    title: "PostgreSQL killed -9, and that of its successor at once after it",
    hits: "postgres",
    hold: 2,
    goal: READS,
    obstacle: async ({ stack }) =>
      recoversFirst(stack.settings)
        ? `with the recovery profile ${stack.settings.postgres.recovery} a primary recovers by itself, and has no successor`
        : undefined,
    inject: async ({ injector, primary, stack }) => {
      await injector.signal(primary, "postmaster", "KILL");
      const deadline = Date.now() + 30_000;
      for (;;) {
        const { leader } = await stack.patroni.view();
        if (leader !== undefined && leader !== primary.name) {
          await injector.signal(stack.patroni.member(leader), "postmaster", "KILL");
          return nothingToHeal;
        }
        if (Date.now() > deadline) throw new Error("no successor within 30 s");
      }
    },
  },
];
