import { type Fault, needsAbsence, needsNetwork, nothingToHeal } from "../fault.ts";

/** Redis Cluster. */
export const CACHE_FAULTS: readonly Fault[] = [
  {
    name: "redis-primary-killed",
    title: "a primary of Redis killed and kept away",
    hits: "redis",
    hold: 10,
    obstacle: needsAbsence,
    inject: async ({ injector, withRole }) => {
      const [primary] = await withRole("redis", "shard primary");
      if (!primary) return nothingToHeal;
      await injector.kill(primary);
      return () => injector.start(primary);
    },
  },
  {
    name: "redis-primary-cut",
    title: "a primary of Redis cut off from everything",
    hits: "redis",
    hold: 10,
    obstacle: needsNetwork,
    inject: async ({ injector, withRole }) => {
      const [primary] = await withRole("redis", "shard primary");
      if (!primary) return nothingToHeal;
      await injector.cut(primary);
      return () => injector.mend(primary);
    },
  },
  {
    name: "redis-lost",
    title: "all members of Redis killed and kept away",
    hits: "redis",
    hold: 15,
    goal: { readsAnswered: 1 },
    obstacle: needsAbsence,
    inject: async ({ injector, redis }) => {
      await Promise.all(redis.map((member) => injector.kill(member)));
      return async () => {
        await Promise.all(redis.map((member) => injector.start(member)));
      };
    },
  },
];
