import { lookupsKey } from "../cache/keys.ts";
import type { SharedFacts } from "../cache/port.ts";

const SLOT_MS = 10_000;
const SLOTS = 30;
const KEEP_MS = (SLOTS + 3) * SLOT_MS;

export interface HitRatio {
  readonly lookups: number;
  readonly hits: number;
  /** 0 to 1; null before the first look-up. */
  readonly ratio: number | null;
  /** "fleet": of all instances. "instance": of this one, the others' figures being out of reach. */
  readonly scope: "fleet" | "instance";
}

interface Slot {
  readonly number: number;
  lookups: number;
  hits: number;
  sentLookups: number;
  sentHits: number;
}

/** Cache look-ups of the last five minutes, over all instances: counted here, added up in the shared cache. */
export class HitWindow {
  readonly #facts: SharedFacts;
  #slots: Slot[] = [];

  constructor(facts: SharedFacts) {
    this.#facts = facts;
  }

  count(hit: boolean, now = Date.now()): void {
    const number = Math.floor(now / SLOT_MS);
    let slot = this.#slots.at(-1);
    if (slot?.number !== number) {
      slot = { number, lookups: 0, hits: 0, sentLookups: 0, sentHits: 0 };
      this.#slots = [...this.#slots.filter((old) => old.number > number - SLOTS), slot];
    }
    slot.lookups++;
    if (hit) slot.hits++;
  }

  /** Adds what was counted since the last time to the common counters. Call it every few seconds. */
  async flush(): Promise<void> {
    await Promise.all(
      this.#slots.map(async (slot) => {
        const lookups = slot.lookups - slot.sentLookups;
        const hits = slot.hits - slot.sentHits;
        if (lookups === 0) return;
        // Counted as sent beforehand: a lost answer must not count twice.
        slot.sentLookups += lookups;
        slot.sentHits += hits;
        await this.#facts.add(lookupsKey(slot.number), { lookups, hits }, KEEP_MS);
      }),
    );
  }

  async ratio(now = Date.now()): Promise<HitRatio> {
    const last = Math.floor(now / SLOT_MS);
    try {
      await this.flush();
      const numbers = Array.from({ length: SLOTS }, (_, back) => last - back);
      const slots = await Promise.all(numbers.map((number) => this.#facts.readHash(lookupsKey(number))));
      const sum = (field: string): number =>
        slots.reduce((total, slot) => total + Number(slot[field] ?? 0), 0);
      return summary(sum("lookups"), sum("hits"), "fleet");
    } catch {
      const recent = this.#slots.filter(({ number }) => number > last - SLOTS);
      const sum = (pick: (slot: Slot) => number): number =>
        recent.reduce((total, slot) => total + pick(slot), 0);
      return summary(
        sum((slot) => slot.lookups),
        sum((slot) => slot.hits),
        "instance",
      );
    }
  }
}

function summary(lookups: number, hits: number, scope: HitRatio["scope"]): HitRatio {
  return { lookups, hits, ratio: lookups === 0 ? null : hits / lookups, scope };
}
