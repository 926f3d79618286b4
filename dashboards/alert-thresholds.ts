import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { parse } from "yaml";

const RULES = join(import.meta.dirname, "../config/prometheus/rules");

export type Severity = "page" | "ticket" | "info";

/** When an alert fires: beyond, below, or at a number. */
export interface Threshold {
  readonly when: "beyond" | "below" | "at";
  readonly number: number;
  readonly severity: Severity;
}

interface RuleJson {
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: Severity };
}

type Node = NonNullable<ReturnType<typeof parser.parse>["topNode"]["firstChild"]>;

const WHEN: Readonly<Record<string, Threshold["when"]>> = { Gtr: "beyond", Lss: "below", Eql: "at" };

const alerts = new Map(
  readdirSync(RULES)
    .filter((file) => file.endsWith(".yml"))
    .flatMap((file) => {
      const { groups } = parse(readFileSync(join(RULES, file), "utf8")) as {
        groups: { rules: RuleJson[] }[];
      };
      return groups.flatMap(({ rules }) => rules.map((rule) => [rule.alert, rule] as const));
    }),
);

/**
 * The figure that an alert is about, from its rule: what panels draw is what fires.
 *
 * @param alert a rule whose expression compares with a number; of several comparisons the first one counts, since those
 * after it are floors of traffic and the like
 * @throws Error where there is no such rule, or it compares with no number
 */
export function alertThreshold(alert: string): Threshold {
  const rule = alerts.get(alert);
  if (!rule?.labels) throw new Error(`config/prometheus/rules has no alert "${alert}"`);
  const expression = String(rule.expr);
  const comparison = firstComparison(parser.parse(expression).topNode.firstChild);
  const operator = comparison?.firstChild?.nextSibling;
  const bound = comparison?.lastChild;
  const when = WHEN[operator?.name ?? ""];
  const number = bound ? product(expression.slice(bound.from, bound.to)) : Number.NaN;
  if (!when || Number.isNaN(number))
    throw new Error(`the alert "${alert}" does not compare with a number: ${expression}`);
  return { when, number, severity: rule.labels.severity };
}

function firstComparison(node: Node | null | undefined): Node | undefined {
  if (node?.name === "ParenExpr") return firstComparison(node.firstChild);
  if (node?.name !== "BinaryExpr") return undefined;
  const operator = node.firstChild?.nextSibling?.name ?? "";
  return ["And", "Or", "Unless"].includes(operator) ? firstComparison(node.firstChild) : node;
}

/** `26 * 3600`, as rules write times. */
function product(text: string): number {
  return text.split("*").reduce((result, factor) => result * Number(factor), 1);
}
