// Plain JavaScript without a dependency: it has to run on a fresh clone, under any Node from 20 on.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { explain } from "./causes.mjs";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");
const BIN = join(MODULES, ".bin");
const LEAST_NODE = 24;
const SECONDS_BETWEEN_LINES = 15;

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/**
 * npm writes the list of what it installed when all the rest is done, so an installation that was cut off has none, and
 * one that does not fit package-lock.json (another branch, say) differs from it. Optional packages may be absent: most
 * are for other platforms.
 */
function dependenciesInstalled() {
  const wanted = packagesOf(join(ROOT, "package-lock.json"));
  const installed = packagesOf(join(MODULES, ".package-lock.json"));
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true;
    return path in installed ? installed[path].version === version : optional === true;
  });
}

function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

/** Installs what is missing and tells how it came by it and in how many seconds, for the closing table of the command. */
async function ensureDependencies() {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  if (dependenciesInstalled()) return `cached ${seconds()}`;
  process.stderr.write("Node dependencies: installing with npm ci\n");
  const report = setInterval(
    () => process.stderr.write(`... Node dependencies ${Math.round(seconds())} s\n`),
    SECONDS_BETWEEN_LINES * 1000,
  );
  const { code, signal, output } = await npmCi();
  clearInterval(report);
  if (signal) process.kill(process.pid, signal);
  if (code !== 0)
    fail(
      `npm ci failed with exit code ${code}.\n${explain(output, ["npm packages"]) ?? "Mend the cause shown above and repeat."}`,
    );
  process.stderr.write(`Node dependencies: done in ${Math.round(seconds())} s\n`);
  return `official ${seconds()}`;
}

function npmCi() {
  return new Promise((resolve) => {
    const npm = spawn("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    let output = "";
    // Whoever reads the command's own output gets nothing else in it.
    for (const stream of [npm.stdout, npm.stderr])
      stream.setEncoding("utf8").on("data", (chunk) => {
        output += chunk;
        process.stderr.write(chunk);
      });
    npm.on("error", (error) =>
      fail(`npm could not be started (${error.message}); install Node 20 or later with npm.`),
    );
    npm.on("close", (code, signal) => resolve({ code, signal, output }));
  });
}

function majorOf(node) {
  const answer = spawnSync(node, ["--version"], { encoding: "utf8" });
  return answer.status === 0 ? Number(answer.stdout.slice(1).split(".")[0]) : 0;
}

function findNode() {
  const bundled = join(BIN, "node");
  if (existsSync(bundled) && majorOf(bundled) >= LEAST_NODE) return bundled;
  if (Number(process.versions.node.split(".")[0]) >= LEAST_NODE) return process.execPath;
  return fail(
    `Node ${process.versions.node} is too old and no newer one comes as a package for ${process.platform}-${process.arch}; ` +
      `install Node ${LEAST_NODE} or later and repeat.`,
  );
}

const [entry, ...args] = process.argv.slice(2);
if (!entry) fail("Usage: node tools/bootstrap.mjs <entry.ts> [arguments]");
const dependencies = await ensureDependencies();
const child = spawn(findNode(), [join(ROOT, entry), ...args], {
  cwd: ROOT,
  stdio: "inherit",
  env: {
    ...process.env,
    PATH: [BIN, process.env.PATH].join(delimiter),
    DUJYO_NODE_DEPENDENCIES: dependencies,
  },
});
// A terminal interrupts the whole group: handed on as well, one Ctrl-C would count as two, which for Pulumi means "now".
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
child.on("error", (error) => fail(`Node could not be started: ${error.message}`));
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
