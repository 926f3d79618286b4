import type { Settings } from "./schema.ts";

/** Timings that decide how long a lost primary is missed. Patroni's are in seconds, HAProxy's in milliseconds. */
export interface RecoveryProfile {
  /** Life of the leader's lease. Patroni takes no value below 20. */
  readonly ttl: number;
  /** Pause between two rounds of each Patroni. */
  readonly loopWait: number;
  /** How long Patroni tries again when the consensus store or PostgreSQL does not answer. */
  readonly retryTimeout: number;
  /** How long a primary that crashed may recover before another is elected; 0: at once, if a synchronous replica is there. */
  readonly primaryStartTimeout: number;
  /** HAProxy's interval between two checks of a member. */
  readonly checkInterval: number;
  /** The same while the member is down, or its last check said something new. */
  readonly checkFastInterval: number;
  /** Failed checks after which HAProxy closes a member's sessions. */
  readonly checkFall: number;
  /** Checks in a row that succeed before HAProxy leads sessions to a member. */
  readonly checkRise: number;
  /** How long a member may take to answer a check. */
  readonly checkTimeout: number;
  /** How long a member may take to accept a session. */
  readonly connectTimeout: number;
  /** How often HAProxy tries again to open a session. */
  readonly connectRetries: number;
}

/** What the stack's own profiles have in common. */
const OWN = {
  primaryStartTimeout: 0,
  checkRise: 1,
  checkTimeout: 2_000,
  // The members are a hop away on the same network: more than this means gone.
  connectTimeout: 2_000,
  connectRetries: 1,
} as const;

/**
 * The profiles. `loopWait + 2 * retryTimeout <= ttl` is Patroni's own rule; the checks are set so that HAProxy
 * leaves a frozen primary (`checkFall * checkInterval` plus one check's time-out) before its lease can pass to another.
 *
 * `stock` is what the others are compared with (`npm run ops -- drill --beside`): the defaults of Patroni 4, and of HAProxy
 * the template that Patroni ships (`extras/confd/templates/haproxy.tmpl`: `inter 3s fall 3 rise 2`, no other interval for
 * members that are down, `timeout check 5s`, `timeout connect 4s`, `retries 2`). It has times alone, those that a failover is
 * made of. Everything else is the stack's in every profile, so that the comparison is one of times:
 *
 * - what decides whether a write survives (synchronous mode, failsafe mode, timeline check, rewinding, slots, the lag beyond
 *   which nobody is elected): with Patroni's defaults for these, acknowledged writes are lost, however quickly;
 * - what no failover here waits for: the limit of a stop (`primary_stop_timeout`, which Patroni does not have by default), idle
 *   sessions' time-outs and keepalive, whether a reader's second try goes to another replica;
 * - PostgreSQL's own times (`wal_receiver_timeout`, `wal_retrieve_retry_interval`), which neither Patroni nor the template
 *   sets, and what members do by themselves, such as waking Patroni when its PostgreSQL is gone: with these `stock` is quicker
 *   than Patroni alone would be.
 */
export const RECOVERY_PROFILES: Record<Settings["postgres"]["recovery"], RecoveryProfile> = {
  fast: {
    ...{ ttl: 20, loopWait: 3, retryTimeout: 8 },
    ...{ ...OWN, checkInterval: 1_000, checkFastInterval: 500, checkFall: 2 },
  },
  balanced: {
    ...{ ttl: 30, loopWait: 5, retryTimeout: 10 },
    ...{ ...OWN, checkInterval: 2_000, checkFastInterval: 1_000, checkFall: 3 },
  },
  tolerant: {
    ...{ ttl: 60, loopWait: 10, retryTimeout: 20 },
    ...{ ...OWN, checkInterval: 3_000, checkFastInterval: 1_500, checkFall: 3 },
  },
  stock: {
    ...{ ttl: 30, loopWait: 10, retryTimeout: 10, primaryStartTimeout: 300 },
    ...{ checkInterval: 3_000, checkFastInterval: 3_000, checkFall: 3, checkRise: 2 },
    ...{ checkTimeout: 5_000, connectTimeout: 4_000, connectRetries: 2 },
  },
};

/** Time that election and promotion take once the lease is free; measured on two cores, seconds. */
export const PROMOTION_SECONDS = 2;

/**
 * Longest time for which the reader endpoint still leads to a replica that fell further behind than
 * `postgres.maxReplicaLag`, in seconds: Patroni's figures are one loop old, and HAProxy asks for them at its own pace.
 */
export function worstLagUnseen(profile: RecoveryProfile): number {
  return profile.loopWait + (profile.checkFall * profile.checkInterval) / 1_000;
}

/** Longest time until HAProxy leads sessions to a new primary, in seconds. */
export function worstRise(profile: RecoveryProfile): number {
  return (profile.checkRise * profile.checkInterval) / 1_000;
}

/** Longest time without a writable primary after the loss of its node, in seconds. */
export function worstNodeLoss(profile: RecoveryProfile): number {
  return profile.ttl + PROMOTION_SECONDS + worstRise(profile);
}

/**
 * Longest time without a writable primary after its PostgreSQL died under a living Patroni, in seconds. Where the primary may
 * recover first, all of that time is in it: `stock` seldom comes near its own.
 */
export function worstPostgresCrash(profile: RecoveryProfile): number {
  return profile.loopWait + profile.primaryStartTimeout + PROMOTION_SECONDS + worstRise(profile);
}

/** Whether Patroni starts a primary that stopped by itself again, before it lets another one be elected. */
export function recoversFirst({ postgres }: Pick<Settings, "postgres">): boolean {
  return RECOVERY_PROFILES[postgres.recovery].primaryStartTimeout > 0;
}
