import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { ENGINE_BIN, LOCAL, ROOT } from "../layout.ts";
import { describeFailure, type Result, type RunOptions, run } from "../process.ts";
import { withScratch } from "../setup/place.ts";
import { type PulumiEnvironment, refreshStackConfig } from "./local-state.ts";
import type { Snapshot } from "./snapshot.ts";

const END_WITH_ENGINE = new URL("./end-with-engine.mjs", import.meta.url).href;
const PLAIN = ["--non-interactive", "--color", "never"];

/** The user's own options stay in force. */
function nodeOptions(): string {
  return [process.env.NODE_OPTIONS, `--import=${END_WITH_ENGINE}`].filter(Boolean).join(" ");
}

/** The engine's command line, bound to one stack. */
export class Pulumi {
  readonly stack: string;
  readonly environment: PulumiEnvironment;

  constructor(stack: string, environment: PulumiEnvironment) {
    this.stack = stack;
    this.environment = environment;
  }

  /** Runs a command of the engine, whatever its exit code. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return run(join(ENGINE_BIN, "pulumi"), [...args, ...PLAIN], {
      cwd: ROOT,
      ...options,
      env: { ...this.environment, NODE_OPTIONS: nodeOptions() },
    });
  }

  /** @throws Failure with the engine's last lines where it fails */
  async mustRun(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(args, options);
    if (result.code !== 0) throw new Failure(describeFailure(`pulumi ${args.join(" ")}`, result));
    return result.stdout;
  }

  /** The stack's state, secrets encrypted; undefined where there is no such stack. */
  async export(): Promise<Snapshot | undefined> {
    const args = ["stack", "export", "--stack", this.stack];
    const result = await this.run(args);
    if (result.code === 0) return JSON.parse(result.stdout) as Snapshot;
    if (/no stack named/i.test(result.stderr)) return undefined;
    throw new Failure(describeFailure(`pulumi ${args.join(" ")}`, result));
  }

  /** Replaces the stack's state. */
  async import(snapshot: Snapshot): Promise<void> {
    const args = ["stack", "import", "--stack", this.stack, "--force"];
    await this.mustRun(args, { input: JSON.stringify(snapshot) });
  }

  /**
   * Creates the stack. The engine writes the salt of its secrets beside the project file, so that is done in a folder of
   * its own and taken over from there.
   */
  async create(): Promise<void> {
    await withScratch(LOCAL, "new-stack", async (folder) => {
      writeFileSync(join(folder, "Pulumi.yaml"), "name: dujyo\nruntime: nodejs\n");
      await this.mustRun(["stack", "init", "--no-select", this.stack], { cwd: folder });
      refreshStackConfig(this.stack, readFileSync(join(folder, `Pulumi.${this.stack}.yaml`), "utf8"));
    });
  }
}
