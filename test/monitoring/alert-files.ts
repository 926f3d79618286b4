import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../../tools/layout.ts";

export const RULES = join(ROOT, "config/prometheus/rules");
export const ALERT_TESTS = join(ROOT, "test/alerts");
export const RUNBOOKS = join(ROOT, "docs/runbooks");

/** An alert as its rule file declares it. */
export interface Alert {
  readonly alert: string;
  /** Name of the rule file, without its ending. */
  readonly part: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One step of a promtool test: what has to fire at a moment. */
export interface AlertStep {
  readonly alertname: string;
  readonly eval_time: string;
  readonly exp_alerts: readonly {
    readonly exp_labels: Readonly<Record<string, string>>;
    readonly exp_annotations: Readonly<Record<string, string>>;
  }[];
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Partial<Alert>[] }[];
}

/** A promtool test of one situation. */
export interface AlertTest {
  /** Pause between two evaluations, as Prometheus writes it. */
  readonly evaluationInterval: string;
  readonly steps: readonly AlertStep[];
}

interface TestFile {
  readonly evaluation_interval: string;
  readonly tests: readonly { readonly alert_rule_test: readonly AlertStep[] }[];
}

const read = <T>(folder: string, file: string): T => parse(readFileSync(join(folder, file), "utf8")) as T;

const filesOf = (folder: string, ending: string): string[] =>
  readdirSync(folder).filter((file) => file.endsWith(ending));

/** Every alert of every rule file. */
export function alerts(): Alert[] {
  return filesOf(RULES, ".yml").flatMap((file) =>
    read<RuleFile>(RULES, file).groups.flatMap(({ rules }) =>
      rules
        .filter((rule): rule is Alert => rule.alert !== undefined)
        .map((rule) => ({ ...rule, part: basename(file, ".yml") })),
    ),
  );
}

/** Every promtool test. */
export function alertTests(): AlertTest[] {
  return filesOf(ALERT_TESTS, ".test.yml").flatMap((file) => {
    const { evaluation_interval: evaluationInterval, tests } = read<TestFile>(ALERT_TESTS, file);
    return tests.map(({ alert_rule_test: steps }) => ({ evaluationInterval, steps }));
  });
}

/** Runbooks by the name of their alert. */
export function runbooks(): Map<string, string> {
  return new Map(
    filesOf(RUNBOOKS, ".md").map((file) => [
      basename(file, ".md"),
      readFileSync(join(RUNBOOKS, file), "utf8"),
    ]),
  );
}
