import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { explainSettings } from "../infra/settings/explain.ts";
import { Failure, runCommand } from "../tools/failure.ts";
import { ROOT } from "../tools/layout.ts";
import { stackFile, stackSettings } from "../tools/stack/settings.ts";
import { runChecks, type Verdict } from "./audit/check.ts";
import { CHECKS } from "./audit/checks/index.ts";
import { exceptionsFor } from "./audit/exceptions.ts";
import { countOutcomes, type Report, reportPage } from "./audit/report.ts";
import { openScene } from "./audit/scene.ts";
import { Refusal } from "./refusal.ts";

const command = new Command("audit")
  .description(
    "Asks a running stack what its security promises, from outside, and writes docs/audit.md and docs/audit.json. Exit code 0 only if whatever does not hold is explained by an exception.",
  )
  .option("--stack <name>", "which stack", "dev")
  .option("--only <prefix>", "checks whose name begins so, such as links; the report is not written then");

interface Options {
  readonly stack: string;
  readonly only?: string;
}

async function audit({ stack, only }: Options): Promise<number> {
  if (stackSettings(stack).target === "kubernetes")
    throw new Refusal(
      `The stack "${stack}" runs on Kubernetes, and the audit asks containers and networks of a Docker engine. What the components ` +
        'promise is the same on both: audit one on Docker ("npm run audit", on dev or a stack with these settings). What a cluster ' +
        `adds (Pod Security, rights, denied connections, no secret in a pod) is checked by "npm run preview -- --stack ${stack}".`,
    );
  const checks = CHECKS.filter(({ id }) => id.startsWith(only ?? ""));
  if (checks.length === 0)
    throw new Failure(`No check begins with "${only}"; there are: ${CHECKS.map(({ id }) => id).join(", ")}.`);
  const verdicts = await runChecks(
    checks,
    await openScene(stack),
    exceptionsFor(stackSettings(stack)),
    print,
  );
  const counts = countOutcomes(verdicts);
  write(
    Object.entries(counts)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(", "),
  );
  if (only === undefined)
    writeReport({
      date: new Date().toISOString().slice(0, 10),
      stack,
      settings: ownSettings(stack),
      verdicts,
    });
  return counts.failed === 0 ? 0 : 1;
}

function ownSettings(stack: string): string[] {
  const { settings, given } = stackFile(stack);
  return explainSettings(settings, given)
    .filter(({ differs }) => differs)
    .map(({ path, value }) => `${path}: ${JSON.stringify(value)}`);
}

function writeReport(report: Report): void {
  writeFileSync(join(ROOT, "docs/audit.md"), reportPage(report));
  writeFileSync(join(ROOT, "docs/audit.json"), `${JSON.stringify(report, undefined, 2)}\n`);
}

function print({ id, outcome, evidence, offences }: Verdict): void {
  write(`${outcome.padEnd(9)}${id}: ${evidence}`);
  for (const offence of offences) write(`         - ${offence}`);
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

await runCommand(() => audit(command.parse().opts<Options>()));
