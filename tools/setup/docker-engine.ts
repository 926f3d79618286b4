import { spawn } from "node:child_process";
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { CACHE, LOGS } from "../layout.ts";
import { describeFailure, lastingEnvironment, mustRun, type Result, run } from "../process.ts";
import { canInstallPackages, installPackages } from "./debian.ts";
import type { Step } from "./progress.ts";

const PACKAGES = ["docker.io", "containerd", "runc", "iptables"];
const START_SECONDS = 60;

/** What is known about the machine when the engine does not answer. */
export interface EngineFacts {
  /** Whether the client was found. */
  readonly client: boolean;
  /** Whether the engine's program is there. */
  readonly daemon: boolean;
  /** Whether the user has set DOCKER_HOST: the engine is somebody else's to start. */
  readonly remote: boolean;
  readonly root: boolean;
  readonly canInstall: boolean;
  readonly systemd: boolean;
  /** What the client said. */
  readonly answer: string;
}

export type EnginePlan =
  | { readonly kind: "start"; readonly install: boolean; readonly by: "systemd" | "dockerd" }
  | { readonly kind: "give-up"; readonly reason: string };

/** What to do about an engine that does not answer. */
export function planEngine(facts: EngineFacts): EnginePlan {
  const start = (install: boolean): EnginePlan => ({
    kind: "start",
    install,
    by: facts.systemd ? "systemd" : "dockerd",
  });
  const giveUp = (reason: string): EnginePlan => ({ kind: "give-up", reason });
  if (facts.remote)
    return giveUp(
      `No Docker engine answers at DOCKER_HOST: ${facts.answer}. Start it, or unset DOCKER_HOST.`,
    );
  if (facts.client && /permission denied/i.test(facts.answer))
    return giveUp(
      "The Docker engine refuses this user. Add the user to the group docker and log in again, or run as root.",
    );
  if (facts.client && facts.daemon && facts.root) return start(false);
  if (facts.canInstall) return start(true);
  if (facts.client) return giveUp(`No Docker engine answers (${facts.answer}). Start Docker and repeat.`);
  return giveUp(
    "No Docker engine was found, and this user may not install one. Install Docker " +
      `(on Debian or Ubuntu as root: apt-get install ${PACKAGES.join(" ")}; elsewhere Docker Desktop or its like) and repeat.`,
  );
}

/** A Docker engine that answers: the one that is there, or Debian's, installed and started. */
export async function ensureDockerEngine(step: Step): Promise<void> {
  const answer = await engineAnswer();
  if (answer === undefined) return step.origin("cached");
  const plan = planEngine({
    client: await isProgram("docker"),
    daemon: await isProgram("dockerd"),
    remote: Boolean(process.env.DOCKER_HOST),
    root: process.getuid?.() === 0,
    canInstall: canInstallPackages(),
    systemd: existsSync("/run/systemd/system"),
    answer,
  });
  if (plan.kind === "give-up") throw new Failure(plan.reason);
  if (plan.install) {
    step.origin("fallback");
    step.note(`no engine answers; installing ${PACKAGES.join(", ")} from Debian`);
    await installPackages(step, PACKAGES);
  }
  if ((await engineAnswer()) !== undefined) await startEngine(step, plan.by);
}

/** What the client says where no engine answers; undefined where one does. */
async function engineAnswer(): Promise<string | undefined> {
  const result = await run("docker", ["info", "--format", "{{.ServerVersion}}"], { timeout: 20_000 });
  if (result.code === 0 && result.stdout.trim() !== "") return undefined;
  return result.timedOut ? "no answer within 20 s" : result.stderr.trim().split("\n").at(-1) || "no answer";
}

async function isProgram(name: string): Promise<boolean> {
  return (await run(name, ["--version"])).code === 0;
}

/**
 * Starts an engine that is installed and waits until it answers.
 *
 * @throws Failure where it ends at once, with its last lines, or does not answer in time
 */
export async function startEngine(step: Step, by: "systemd" | "dockerd"): Promise<void> {
  const log = join(LOGS, "dockerd.log");
  const ended =
    by === "systemd"
      ? await mustRun("systemctl", ["start", "docker"], { onLine: step.line }).then(() => () => undefined)
      : startDetached(log);
  const deadline = Date.now() + START_SECONDS * 1000;
  for (;;) {
    const answer = await engineAnswer();
    if (answer === undefined) return;
    const end = ended();
    if (end) throw new Failure(describeFailure("dockerd", end, { logFile: log }));
    if (Date.now() > deadline)
      throw new Failure(
        `The Docker engine was started and did not answer within ${START_SECONDS} s (${answer}). ` +
          (by === "systemd" ? 'See "journalctl -u docker".' : `Its log: ${log}`),
      );
    step.line(answer);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/**
 * Without a service manager the engine goes on by itself, in a session of its own.
 *
 * @returns tells how it ended; undefined while it runs
 */
function startDetached(log: string): () => Result | undefined {
  mkdirSync(LOGS, { recursive: true });
  const output = openSync(log, "a");
  // What this one says at its end is part of the error; former ones stand before it.
  const before = fstatSync(output).size;
  const child = spawn("dockerd", [], {
    detached: true,
    stdio: ["ignore", output, output],
    env: lastingEnvironment(),
  });
  closeSync(output);
  let end: Result | undefined;
  const finish = (code: number, stderr: string) => {
    end ??= { code, stdout: "", stderr, timedOut: false };
  };
  child.on("error", (error) => finish(127, error.message));
  child.on("exit", (code, signal) =>
    finish(
      code ?? 128 + constants.signals[signal as NodeJS.Signals],
      readFileSync(log).subarray(before).toString(),
    ),
  );
  child.unref();
  if (child.pid !== undefined) writeFileSync(join(CACHE, "dockerd.pid"), `${child.pid}\n`);
  return () => end;
}
