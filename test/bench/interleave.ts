import type { Sample, Variant } from "./comparison.ts";

/** Samples of all variants from one pass over them. */
export interface Round {
  /** Epoch milliseconds of its begin. */
  readonly at: number;
  readonly samples: Readonly<Record<string, Sample>>;
}

export interface InterleaveArgs {
  readonly variants: readonly Variant[];
  readonly rounds: number;
  /** Of one measurement. */
  readonly seconds: number;
  /** Of each variant before the first round; its figures are thrown away. */
  readonly warmUpSeconds: number;
}

/**
 * Measures the variants in turn, A B A B, so that what else the machine does touches all of them: figures of one round were
 * measured within seconds of each other and are compared with each other alone.
 */
export async function interleave({
  variants,
  rounds,
  seconds,
  warmUpSeconds,
}: InterleaveArgs): Promise<Round[]> {
  for (const variant of variants) await variant.measure(warmUpSeconds);
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const at = Date.now();
    const samples: Record<string, Sample> = {};
    for (const variant of variants) samples[variant.name] = await variant.measure(seconds);
    measured.push({ at, samples });
  }
  return measured;
}
