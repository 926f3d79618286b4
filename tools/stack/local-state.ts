import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Failure } from "../failure.ts";
import { CACHE, ENGINE_BIN, LOCAL, PULUMI_HOME, ROOT } from "../layout.ts";
import { writeWhole } from "../setup/place.ts";
import { mergeStackConfig } from "./stack-config.ts";

const STATE = join(LOCAL, "state");
const PASSPHRASE = join(LOCAL, "passphrase");

/** Environment variables with which plain `pulumi` works on a stack of this clone. */
export type PulumiEnvironment = Record<string, string>;

/**
 * Variables that select the engine, the stack, its configuration and, unless the user has chosen their own in the
 * environment, a backend in this clone and its passphrase file. Creates nothing.
 */
export function pulumiEnvironment(stack: string, given: NodeJS.ProcessEnv = process.env): PulumiEnvironment {
  const own: PulumiEnvironment = given.PULUMI_BACKEND_URL ? {} : { PULUMI_BACKEND_URL: `file://${STATE}` };
  if (!given.PULUMI_CONFIG_PASSPHRASE && !given.PULUMI_CONFIG_PASSPHRASE_FILE && !given.PULUMI_BACKEND_URL)
    own.PULUMI_CONFIG_PASSPHRASE_FILE = PASSPHRASE;
  return {
    ...own,
    PATH: [join(ROOT, "node_modules/.bin"), ENGINE_BIN, given.PATH].filter(Boolean).join(delimiter),
    PULUMI_HOME,
    PULUMI_STACK: stack,
    // The engine writes its salt into the stack's file; this copy keeps the tracked one clean.
    PULUMI_OPTION_CONFIG_FILE: stackConfigFile(stack),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // Engine and plugins live for seconds: memory given back late costs some hundred megabytes and saves a tenth of the time.
    GOGC: given.GOGC ?? "400",
    // The SDK is some thousand modules: compiled once, then read.
    NODE_COMPILE_CACHE: given.NODE_COMPILE_CACHE ?? join(CACHE, "compiled"),
  };
}

/** The copy of `Pulumi.<stack>.yaml` that the engine reads and writes. */
export function stackConfigFile(stack: string): string {
  return join(LOCAL, `Pulumi.${stack}.yaml`);
}

/**
 * Folder, passphrase and configuration copy that the environment's variables name.
 *
 * @throws Failure where the passphrase of an existing state is gone, or the stack has no file
 */
export function ensureLocalState(stack: string, environment: PulumiEnvironment): void {
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  if (environment.PULUMI_CONFIG_PASSPHRASE_FILE === PASSPHRASE && !existsSync(PASSPHRASE)) {
    if (hasStacks())
      throw new Failure(
        `${PASSPHRASE} is missing, and the state in ${STATE} can not be read without it. Put it back from your copy; ` +
          "or, to give the stacks in there up with their data, remove that folder and the stacks' Docker volumes.",
      );
    writeWhole(PASSPHRASE, randomBytes(32).toString("base64url"), 0o600);
  }
  refreshStackConfig(stack);
}

function hasStacks(): boolean {
  const stacks = join(STATE, ".pulumi/stacks");
  return (
    existsSync(stacks) &&
    readdirSync(stacks, { recursive: true }).some((name) => String(name).endsWith(".json"))
  );
}

/** Takes the tracked stack file over into the copy; what the engine wrote into the copy stays. */
export function refreshStackConfig(stack: string, written = ""): void {
  const tracked = join(ROOT, `Pulumi.${stack}.yaml`);
  if (!existsSync(tracked))
    throw new Failure(`There is no stack "${stack}": Pulumi.${stack}.yaml does not exist.`);
  const copy = stackConfigFile(stack);
  const former = existsSync(copy) ? readFileSync(copy, "utf8") : "";
  const merged = mergeStackConfig(readFileSync(tracked, "utf8"), written || former);
  if (merged !== former) writeWhole(copy, merged, 0o600);
}

/** Forgets a stack that is gone. */
export function removeStackConfig(stack: string): void {
  rmSync(stackConfigFile(stack), { force: true });
}
