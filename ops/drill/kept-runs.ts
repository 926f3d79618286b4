import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/layout.ts";
import { writeWhole } from "../../tools/setup/place.ts";
import type { Comparison } from "./comparison.ts";
import type { Goal } from "./fault.ts";
import { FAULTS } from "./faults/index.ts";
import { reportPage } from "./report-page.ts";
import type { DrillReport } from "./summary.ts";

/** Runs that are part of the documentation, the last one of each kind: where they are, and what they hold. */
interface KeptRuns {
  readonly "docs/drills.json": DrillReport;
  readonly "docs/drills-random.json": DrillReport;
  readonly "docs/drills-stock.json": Comparison;
}

function read<Place extends keyof KeptRuns>(place: Place): KeptRuns[Place] | undefined {
  const path = join(ROOT, place);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as KeptRuns[Place]) : undefined;
}

/** Keeps a run, and writes the page of all of them, `docs/drills.md`, once there is a full one. */
export function keepRun<Place extends keyof KeptRuns>(place: Place, run: KeptRuns[Place]): void {
  writeWhole(join(ROOT, place), `${JSON.stringify(run, undefined, 2)}\n`);
  const full = read("docs/drills.json");
  if (full === undefined) return;
  const others = { random: read("docs/drills-random.json"), stock: read("docs/drills-stock.json") };
  const titles = Object.fromEntries(FAULTS.map(({ name, title }) => [name, title]));
  writeWhole(join(ROOT, "docs/drills.md"), reportPage(full, others, titles));
}

/** Rounds from which on medians are worth keeping. */
const ROUNDS_KEPT = 3;

/** Why a comparison is no part of the documentation; undefined where it is. */
export function whyNotKept({ reports, differ, faults }: Comparison): string | undefined {
  const profiles = reports.map(({ recovery }) => recovery).join(" beside ");
  if (profiles !== "fast beside stock")
    return `the recovery profiles are ${profiles}; only fast beside stock is written there`;
  const more = differ.filter((path) => path !== "postgres.recovery");
  if (more.length > 0) return `the two stacks differ in ${more.join(", ")}, too`;
  const rounds = (name: string) => faults.find(({ fault }) => fault === name)?.rounds ?? [0];
  const missing = FAULTS.filter(
    ({ name, goal }) => goal?.ofStock !== undefined && Math.min(...rounds(name)) < ROUNDS_KEPT,
  );
  if (missing.length === 0) return undefined;
  return `it takes ${ROUNDS_KEPT} rounds or more of ${missing.map(({ name }) => name).join(", ")}`;
}

/** What is promised of each fault, by its name. */
export function goals(): Record<string, Goal> {
  return Object.fromEntries(FAULTS.map(({ name, goal = {} }) => [name, goal]));
}

/**
 * The same where no other stack is beside: shares of what the profile `stock` takes become seconds by the comparison that is
 * kept. They are promises of the profile `fast` alone, and without a comparison there is no limit.
 */
export function goalsAlone(
  recovery: DrillReport["recovery"],
  stock: Pick<Comparison, "faults"> | undefined = read("docs/drills-stock.json"),
): Record<string, Goal> {
  const inSeconds = (name: string, { ofStock, ...goal }: Goal): Goal => {
    const measured = stock?.faults.find(({ fault }) => fault === name)?.write_outage_seconds[1];
    if (ofStock === undefined || measured === undefined || recovery !== "fast") return goal;
    return { ...goal, writeOutage: ofStock * measured };
  };
  return Object.fromEntries(Object.entries(goals()).map(([name, goal]) => [name, inSeconds(name, goal)]));
}
