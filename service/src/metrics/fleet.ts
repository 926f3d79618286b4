import { FLEET_KEY } from "../cache/keys.ts";
import type { SharedFacts } from "../cache/port.ts";

/** Figures of one instance, by name; all may be added up. */
export type Figures = Readonly<Record<string, number>>;

interface Report {
  readonly at: number;
  readonly figures: Figures;
}

export interface FleetFigures {
  readonly instances: readonly string[];
  readonly totals: Figures;
  /** "instance" when the others' figures are out of reach. */
  readonly scope: "fleet" | "instance";
}

/** Reports older than this are of instances that are gone. */
const FRESH_MS = 15_000;
const KEEP_MS = 60_000;

/** The instances' figures, each instance under its own name in the shared cache. */
export class Fleet {
  readonly #facts: SharedFacts;
  readonly #self: string;
  readonly #figures: () => Figures;

  constructor(facts: SharedFacts, self: string, figures: () => Figures) {
    this.#facts = facts;
    this.#self = self;
    this.#figures = figures;
  }

  async report(): Promise<void> {
    const report: Report = { at: Date.now(), figures: this.#figures() };
    await this.#facts.writeField(FLEET_KEY, this.#self, JSON.stringify(report), KEEP_MS);
  }

  async leave(): Promise<void> {
    await this.#facts.removeField(FLEET_KEY, this.#self);
  }

  async totals(): Promise<FleetFigures> {
    const own = this.#figures();
    try {
      const hash = await this.#facts.readHash(FLEET_KEY);
      const others = Object.entries(hash)
        .map(([name, text]) => ({ name, report: JSON.parse(text) as Report }))
        .filter(({ name, report }) => name !== this.#self && Date.now() - report.at < FRESH_MS);
      const instances = [this.#self, ...others.map(({ name }) => name)].sort();
      return { instances, totals: add([own, ...others.map(({ report }) => report.figures)]), scope: "fleet" };
    } catch {
      return { instances: [this.#self], totals: own, scope: "instance" };
    }
  }
}

function add(all: readonly Figures[]): Figures {
  const totals: Record<string, number> = {};
  for (const figures of all) {
    for (const [name, value] of Object.entries(figures)) totals[name] = (totals[name] ?? 0) + value;
  }
  return totals;
}
