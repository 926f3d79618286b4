import { describe, expect, it } from "vitest";
import { alerts, alertTests, runbooks } from "./alert-files.ts";
import { commandsOf, missingFrom } from "./runbook-commands.ts";

const ALERTS = alerts();
const STEPS = alertTests();
const BOOKS = runbooks();
const NAMES = ALERTS.map(({ alert }) => alert);

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
    expect(sorted(new Set(STEPS.flat().map(({ alertname }) => alertname)))).toEqual(sorted(NAMES));
  });

  // The dead man's switch is the one that has no silence.
  it.each(NAMES.filter((name) => name !== "Watchdog"))("sees %s silent, firing and resolved", (name) => {
    const tests = STEPS.filter((steps) => steps.some(({ alertname }) => alertname === name));
    for (const steps of tests) {
      const fires = steps.map(({ exp_alerts }) => exp_alerts.length > 0);
      const first = fires.indexOf(true);
      expect(first, "a silent step before it fires").toBeGreaterThan(0);
      expect(fires.at(-1), "a resolved step at the end").toBe(false);
    }
  });

  it("expects all labels and texts of what fires", () => {
    for (const { alertname, exp_alerts } of STEPS.flat()) {
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
    ["docker exec dujyo-dev-pgbouncer pgbouncer-tell X", 'the program "pgbouncer-tell" of a member'],
    ['psql service=primary -c "SELECT 1"', 'the service "primary"'],
    ['psql service=writer -c "SELECT mend_all()"', 'the function "mend_all"'],
    ["pg_ctl restart", 'the program "pg_ctl"'],
  ])("misses what nobody has in %s", (command, missing) => {
    expect(missingFrom(command)).toBe(missing);
  });
});
