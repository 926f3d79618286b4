import type { Delivery } from "./receiver.ts";

/** Unix milliseconds of each step of one alert; undefined where it was not seen. */
export interface Steps {
  pending?: number;
  firing?: number;
  delivered?: number;
  resolved?: number;
}

const STEPS = ["pending", "firing", "delivered", "resolved"] as const;

/** What happened to each expected alert after a fault. */
export class Timeline {
  readonly #fault = Date.now();
  readonly #alerts: ReadonlyMap<string, Steps>;

  constructor(names: readonly string[]) {
    this.#alerts = new Map(names.map((name) => [name, {}]));
  }

  /** Notes the state of active alerts; a firing one has been pending, however short. */
  seeActive(active: readonly { name: string; state: "pending" | "firing" }[]): void {
    for (const { name, state } of active) {
      const steps = this.#alerts.get(name);
      if (!steps) continue;
      steps.pending ??= Date.now();
      if (state === "firing") steps.firing ??= Date.now();
    }
  }

  seeDeliveries(deliveries: readonly Delivery[]): void {
    for (const { name, status, at } of deliveries) {
      const steps = this.#alerts.get(name);
      if (!steps || at < this.#fault) continue;
      if (status === "firing") steps.delivered ??= at;
      else if (steps.delivered !== undefined && at >= steps.delivered) steps.resolved ??= at;
    }
  }

  /** Alerts that have not come as far as `step`. */
  lacking(step: (typeof STEPS)[number]): string[] {
    return [...this.#alerts].filter(([, steps]) => steps[step] === undefined).map(([name]) => name);
  }

  /** Seconds from the fault to each step. */
  rows(): string[][] {
    const cell = (at?: number) =>
      at === undefined ? "not seen" : `+${Math.round((at - this.#fault) / 1_000)} s`;
    return [...this.#alerts].map(([name, steps]) => [name, ...STEPS.map((step) => cell(steps[step]))]);
  }
}
