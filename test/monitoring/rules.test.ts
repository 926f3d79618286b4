import { describe, expect, it } from "vitest";
import { inSeconds } from "../../infra/components/monitoring/rule-files.ts";
import { alerts, alertTests, runbooks } from "./alert-files.ts";
import { commandsOf, missingFrom } from "./runbook-commands.ts";

const ALERTS = alerts();
const TESTS = alertTests();
const STEPS = TESTS.flatMap(({ steps }) => steps);
const BOOKS = runbooks();
const NAMES = ALERTS.map(({ alert }) => alert);

/** The steps about one alert, in each test that has any. */
const testsOf = (name: string) =>
  TESTS.map(({ steps, ...test }) => ({
    ...test,
    steps: steps.filter(({ alertname }) => alertname === name),
  })).filter(({ steps }) => steps.length > 0);

const sorted = (names: Iterable<string>): string[] => [...names].sort();

describe("every alert", () => {
  it("has a name of its own", () => {
    expect(sorted(new Set(NAMES))).toEqual(sorted(NAMES));
  });

  it.each(ALERTS)("$alert says what, how much, how urgent, and what to do", ({ alert, part, ...rule }) => {
    const { summary, description, runbook_url: url } = rule.annotations;
    expect(summary, "its summary").toMatch(/\S/);
    expect(description, "its description, with the figure").toMatch(/\{\{[^}]*\$value[^}]*\}\}/);
    expect(url).toBe(`docs/runbooks/${alert}.md`);
    expect(["page", "ticket", "info"]).toContain(rule.labels.severity);
    expect(rule.labels.part).toBe(part);
  });

  it("has a runbook, and no runbook is about another", () => {
    expect(sorted(BOOKS.keys())).toEqual(sorted(NAMES));
  });
});

describe("a promtool test", () => {
  it("exists for every alert, and for no other", () => {
    expect(sorted(new Set(STEPS.map(({ alertname }) => alertname)))).toEqual(sorted(NAMES));
  });

  // The dead man's switch is the one that has no silence.
  it.each(ALERTS.filter(({ alert }) => alert !== "Watchdog"))("sees $alert silent, firing and resolved", ({
    alert,
  }) => {
    for (const { steps } of testsOf(alert)) {
      const fires = steps.map(({ exp_alerts }) => exp_alerts.length > 0);
      expect(fires.indexOf(true), "a silent step before it fires").toBeGreaterThan(0);
      expect(fires.at(-1), "a resolved step at the end").toBe(false);
    }
  });

  // Silent at one evaluation and firing at the next: that is its whole `for` after the threshold was crossed, to the
  // evaluation.
  it.each(
    ALERTS.filter((rule) => rule.for !== undefined),
  )("sees $alert below its threshold, past it but waiting, and firing at the end of its $for", ({
    alert,
    for: wait = "",
  }) => {
    for (const { steps, evaluationInterval } of testsOf(alert)) {
      const evaluation = inSeconds(evaluationInterval);
      expect(evaluation, "evaluations within its wait").toBeLessThanOrEqual(inSeconds(wait));
      const first = steps.findIndex(({ exp_alerts }) => exp_alerts.length > 0);
      const [fires = 0, ...silent] = steps
        .slice(0, first + 1)
        .map(({ eval_time }) => inSeconds(eval_time))
        .reverse();
      expect(silent[0], "silent at the evaluation before").toBe(fires - evaluation);
      expect(silent.at(-1), "silent below the threshold").toBeLessThan(fires - inSeconds(wait));
    }
  });

  it("expects all labels and texts of what fires", () => {
    for (const { alertname, exp_alerts } of STEPS) {
      for (const { exp_labels, exp_annotations } of exp_alerts) {
        expect(Object.keys(exp_labels), alertname).toEqual(expect.arrayContaining(["severity", "part"]));
        expect(sorted(Object.keys(exp_annotations)), alertname).toEqual([
          "description",
          "runbook_url",
          "summary",
        ]);
      }
    }
  });
});

describe("a runbook", () => {
  const SECTIONS = ["What it means", "How to look", "How to mend", "How to know that it is over"];

  it.each([...BOOKS])("%s has its four sections, and names only commands that exist", (name, text) => {
    expect(text.startsWith(`# ${name}\n`)).toBe(true);
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(SECTIONS);
    const commands = commandsOf(text);
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.map(missingFrom).filter((missing) => missing !== undefined)).toEqual([]);
    for (const [, other = ""] of text.matchAll(/\]\(([A-Za-z]+)\.md\)/g)) expect(NAMES).toContain(other);
  });

  it.each(ALERTS)("$alert names the severity of its alert", ({ alert, labels }) => {
    expect(BOOKS.get(alert)).toContain(`\nSeverity ${labels.severity}.`);
  });
});

describe("the check of commands", () => {
  it.each([
    ["npm run mend", 'the script "mend"'],
    ["npm run logs -- mongo", 'the part "mongo"'],
    ["npm run ops -- mend postgres-0", 'the operation "mend"'],
    ["docker exec dujyo-dev-pgbouncer pgbouncer-tell X", 'the program "pgbouncer-tell" of a member'],
    ['psql service=primary -c "SELECT 1"', 'the service "primary"'],
    ['psql service=writer -c "SELECT mend_all()"', 'the function "mend_all"'],
    ['psql service=writer -c "SELECT * FROM ledgers"', 'the relation "ledgers"'],
    ["pg_ctl restart", 'the program "pg_ctl"'],
  ])("misses what nobody has in %s", (command, missing) => {
    expect(missingFrom(command)).toBe(missing);
  });
});
