import type { Rule } from "../../ops/monitoring/expressions.ts";

/** What looks at least five minutes back. */
const LOOKS_BACK = /\[(?:[5-9]|\d\d+)m|\[\d+[hd]|rate(?:[5-9]|\d\d+)m|rate\d+[hd]/;

/** Whether an alert goes on telling of what earlier tests have done to the stack, since its rule looks back for that long. */
export function remembers(rules: readonly Rule[], name: string): boolean {
  return !rules.some((rule) => rule.name === name && !LOOKS_BACK.test(rule.expression));
}
