import { Failure } from "../failure.ts";
import { describeFailure } from "../process.ts";
import type { Pulumi } from "./pulumi.ts";

/** The parts of `pulumi preview --json` that are looked at. */
export interface Plan {
  readonly steps?: readonly PlanStep[];
  readonly diagnostics?: readonly { readonly severity: string; readonly message: string }[];
}

export interface PlanStep {
  /** `same`, `create`, `update`, `delete`, `replace`, `create-replacement`, `delete-replaced` and so on. */
  readonly op: string;
  readonly urn: string;
  /** Absent where the resource is new. */
  readonly oldState?: { readonly protect?: boolean; readonly inputs?: Record<string, unknown> };
  readonly newState?: { readonly type?: string; readonly inputs?: Record<string, unknown> };
  readonly replaceReasons?: readonly string[] | null;
  readonly diffReasons?: readonly string[] | null;
}

/**
 * Asks the engine what an `up` would do. A plan that the engine itself refuses, such as one that deletes something
 * protected, is a plan as well: with the steps up to there, and the reason among its diagnostics.
 *
 * @param refresh whether to ask the target first what there is, instead of believing the state
 * @throws Failure where the engine came to no plan at all
 */
export async function makePlan(pulumi: Pulumi, refresh = false): Promise<Plan> {
  const args = [
    "preview",
    "--json",
    "--show-sames",
    "--stack",
    pulumi.stack,
    ...(refresh ? ["--refresh"] : []),
  ];
  const result = await pulumi.run(args);
  const plan = readPlan(result.stdout);
  if (plan === undefined) throw new Failure(describeFailure(`pulumi ${args.join(" ")}`, result));
  return plan;
}

/** The plan in the engine's output; undefined where there is none. */
export function readPlan(output: string): Plan | undefined {
  try {
    return JSON.parse(output) as Plan;
  } catch {
    return undefined;
  }
}

/** What the engine has against the plan, each as one text; empty where it would carry it out. */
export function errorsOf(plan: Plan): string[] {
  return (plan.diagnostics ?? [])
    .filter(({ severity }) => severity === "error")
    .map(({ message }) => message.replace(/^error: /, "").trim());
}

export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** A replacement takes three steps; this one stands for them. */
const PARTS_OF_REPLACEMENT = new Set(["create-replacement", "delete-replaced"]);
const UNCHANGED = new Set(["same", "read", "refresh"]);

/** One line for each resource that the plan changes: what happens to it, its type and name, and the properties that change. */
export function changesOf(plan: Plan): string[] {
  return (plan.steps ?? [])
    .filter(({ op }) => !UNCHANGED.has(op) && !PARTS_OF_REPLACEMENT.has(op))
    .map(({ op, urn, diffReasons, replaceReasons }) => {
      const reasons = [...new Set([...(replaceReasons ?? []), ...(diffReasons ?? [])])];
      return `${op.padEnd(8)} ${typeOf(urn)} ${nameOf(urn)}${reasons.length > 0 ? `: ${reasons.join(", ")}` : ""}`;
    });
}

/** How many resources meet which fate, for example `3 update, 98 same`. */
export function countsOf(plan: Plan): string {
  const counts = new Map<string, number>();
  for (const { op } of plan.steps ?? [])
    if (!PARTS_OF_REPLACEMENT.has(op)) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].map(([op, count]) => `${count} ${op}`).join(", ");
}
