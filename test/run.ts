import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { whyNoCluster } from "../tools/cluster/place.ts";

/**
 * Runs every suite and ends with one line that counts them all: `N passed, N failed` (`, N skipped`). A check that is
 * not a test file counts as one test. Arguments name the suites to run; without any, all but those on request run.
 */

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

async function check(command: string, ...args: string[]): Promise<Count> {
  const passed = (await run(command, args)) === 0;
  if (!passed) failures.push(`${command} ${args.join(" ")}: see above`);
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** What failed, and the first line of why: said once more at the end, since a log of an hour is often cut at its front. */
const failures: string[] = [];

function failuresOf(report: VitestReport): string[] {
  return report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages }) => {
        const [why = ""] = (failureMessages[0] ?? "").split("\n");
        return `${relative(process.cwd(), name)} > ${fullName}: ${why}`;
      }),
  );
}

async function vitest(project: string): Promise<Count> {
  const directory = mkdtempSync(join(tmpdir(), "dujyo-test-"));
  try {
    const report = join(directory, "report.json");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const code = await run("vitest", [
      "run",
      "--config",
      "test/vitest.config.ts",
      "--project",
      project,
      ...reporters,
    ]);
    const found = readReport(report);
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = found;
    // A set-up or a file that does not load fails the run without a failed test.
    const failed = code !== 0 && numFailedTests === 0 ? 1 : numFailedTests;
    const named = failuresOf(found);
    failures.push(
      ...(failed > named.length ? [...named, `${project}: its set-up, or a file, see above`] : named),
    );
    return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function readReport(path: string): VitestReport {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as VitestReport;
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  }
}

async function onCluster(project: string): Promise<Count> {
  const reason = process.env.TEST_KUBECONFIG === undefined ? whyNoCluster() : undefined;
  if (reason === undefined) return vitest(project);
  console.log(`left out: ${reason}`);
  return { passed: 0, failed: 0, skipped: 1 };
}

const SUITES: Record<string, () => Promise<Count>> = {
  lint: () => check("biome", "ci", "--colors=off", "--reporter=summary", "."),
  types: () => check("tsc", "--noEmit"),
  unit: () => vitest("unit"),
  linters: () => vitest("linters"),
  setup: () => vitest("setup"),
  browser: () => vitest("browser"),
  ledger: () => vitest("ledger"),
  registry: () => vitest("registry"),
  backup: () => vitest("backup"),
  rotation: () => vitest("rotation"),
  service: () => vitest("service"),
  stack: () => vitest("stack"),
  cluster: () => onCluster("cluster"),
  upgrade: () => onCluster("upgrade"),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in SUITES));
if (unknown.length > 0) {
  console.error(`no suite is called ${unknown.join(", ")}; there are ${Object.keys(SUITES).join(", ")}`);
  process.exit(2);
}

/** Minutes on a cluster, or a stack, of their own, which would make every run longer than a person waits for. */
const ON_REQUEST = new Set(["backup", "cluster", "rotation", "upgrade"]);

// These suites share one running stack, which is taken down after the last of them, also after a failure.
const ON_STACK = ["service", "stack"];
const keep = process.env.KEEP_TEST_STACK;

// What a test leaves among the temporary files goes with the run. Servers that run as another user have theirs there, too.
const temporary = mkdtempSync(join(tmpdir(), "dujyo-tests-"));
chmodSync(temporary, 0o1777);
process.env.TMPDIR = temporary;
process.once("exit", () => rmSync(temporary, { recursive: true, force: true }));

const total: Count = { passed: 0, failed: 0, skipped: 0 };
const chosen = Object.keys(SUITES).filter((name) =>
  wanted.length === 0 ? !ON_REQUEST.has(name) : wanted.includes(name),
);
const last = chosen.findLast((name) => ON_STACK.includes(name));
for (const name of chosen) {
  const started = Date.now();
  console.log(`\n== ${name}`);
  // Every other suite removes what it has started by itself.
  keepStack(ON_STACK.includes(name) ? "1" : keep);
  const count = await (SUITES[name] as () => Promise<Count>)();
  console.log(
    `== ${name}: ${count.passed} passed, ${count.failed} failed, ${((Date.now() - started) / 1_000).toFixed(1)} s`,
  );
  total.passed += count.passed;
  total.failed += count.failed;
  total.skipped += count.skipped;
  // The machine carries the stack or the cluster, not both.
  if (name === last && keep !== "1") await removeStack();
}
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`,
);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function keepStack(value: string | undefined): void {
  if (value === undefined) delete process.env.KEEP_TEST_STACK;
  else process.env.KEEP_TEST_STACK = value;
}

async function removeStack(): Promise<void> {
  if ((await run(process.execPath, ["test/support/remove-stack.ts"])) === 0) return;
  failures.push("the stack of the tests was not removed: see above");
  total.failed += 1;
}
