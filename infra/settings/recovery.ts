import type { Settings } from "./schema.ts";

/** Timings that decide how long a lost primary is missed. All in seconds but the check interval. */
export interface RecoveryProfile {
  /** Life of the leader's lease. Patroni takes no value below 20. */
  readonly ttl: number;
  /** Pause between two rounds of each Patroni. */
  readonly loopWait: number;
  /** How long Patroni tries again when the consensus store or PostgreSQL does not answer. */
  readonly retryTimeout: number;
  /** HAProxy's interval between two checks of a member, milliseconds. */
  readonly checkInterval: number;
  /** Failed checks after which HAProxy closes a member's sessions. */
  readonly checkFall: number;
}

/**
 * The three profiles. `loopWait + 2 * retryTimeout <= ttl` is Patroni's own rule; the checks are set so that HAProxy
 * leaves a frozen primary (`checkFall * checkInterval` plus one check's time-out) before its lease can pass to another.
 */
export const RECOVERY_PROFILES: Record<Settings["postgres"]["recovery"], RecoveryProfile> = {
  fast: { ttl: 20, loopWait: 3, retryTimeout: 8, checkInterval: 1_000, checkFall: 2 },
  balanced: { ttl: 30, loopWait: 5, retryTimeout: 10, checkInterval: 2_000, checkFall: 3 },
  tolerant: { ttl: 60, loopWait: 10, retryTimeout: 20, checkInterval: 3_000, checkFall: 3 },
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

/** Longest time without a writable primary after the loss of its node, in seconds. */
export function worstNodeLoss(profile: RecoveryProfile): number {
  return profile.ttl + PROMOTION_SECONDS + profile.checkInterval / 1_000;
}

/** Longest time without a writable primary after its PostgreSQL died under a living Patroni, in seconds. */
export function worstPostgresCrash(profile: RecoveryProfile): number {
  return profile.loopWait + PROMOTION_SECONDS + profile.checkInterval / 1_000;
}
