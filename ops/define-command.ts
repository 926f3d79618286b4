import { Command } from "commander";
import { Failure } from "../tools/failure.ts";
import { takeTurn } from "../tools/stack/turn.ts";
import { lockOperation } from "./operation-lock.ts";
import { repairLeftovers } from "./postgres/pooler.ts";
import { EXIT, Refusal } from "./refusal.ts";
import { openStack, type RunningStack } from "./running-stack.ts";

/** What a command ends with. */
export interface Outcome {
  /** Whether the exit code is 0. @default true */
  readonly ok?: boolean;
  /** For a person. */
  readonly text: string;
  /** What `--json` prints. */
  readonly data: unknown;
}

/** What every command gets beside its own options. */
export interface Task<Options> {
  readonly stack: RunningStack;
  readonly args: readonly string[];
  readonly options: Options;
  /** Whether to tell what would be done, instead of doing it. */
  readonly dryRun: boolean;
  /** Progress, on standard error. */
  readonly say: (line: string) => void;
}

export interface CommandSpec<Options> {
  /** As it is typed, with its arguments: `reinit <member>`. */
  readonly usage: string;
  readonly summary: string;
  /** Command lines without the leading `npm run ops -- `, each with what it does. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  /** Whether it changes something: it then has `--dry-run`. */
  readonly changes: boolean;
  /** Whether it waits for no other command to end, and none runs beside it. @default `changes` */
  readonly alone?: boolean;
  /** Adds the command's own options. */
  readonly options?: (command: Command) => Command;
  readonly run: (task: Task<Options>) => Promise<Outcome>;
}

const CODES = `
Exit codes: ${EXIT.done} done, ${EXIT.failed} failed or not well, ${EXIT.usage} wrong usage, ${EXIT.refused} refused and nothing changed.`;

/** A command of `npm run ops`: the same options, help, lock, output and exit codes for all of them. */
export function defineCommand<Options = Record<string, never>>(spec: CommandSpec<Options>): Command {
  const [name = "", ...args] = spec.usage.split(" ");
  const command = new Command(name).description(spec.summary);
  for (const arg of args) command.argument(arg);
  spec.options?.(command);
  command.option("--stack <name>", "which stack", "dev").option("--json", "print JSON", false);
  if (spec.changes) command.option("--dry-run", "tell what would be done, and change nothing", false);
  const examples = spec.examples.map(([line, effect]) => `  npm run ops -- ${line}\n      ${effect}`);
  command.addHelpText("after", `\nExamples:\n${examples.join("\n")}\n${CODES}`);
  command.action(async () => {
    process.exitCode = await execute(spec, command, name);
  });
  return command;
}

interface CommonOptions {
  readonly stack: string;
  readonly json: boolean;
  readonly dryRun?: boolean;
}

async function execute<Options>(spec: CommandSpec<Options>, command: Command, name: string): Promise<number> {
  const options = command.opts<CommonOptions & Options>();
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    const stack = await openStack(options.stack);
    if ((spec.alone ?? spec.changes) && !options.dryRun) {
      lockOperation(options.stack, `ops ${[name, ...command.args].join(" ")}`);
      // "npm run up" changes the same members.
      await takeTurn({ say });
      for (const repaired of await repairLeftovers(stack)) say(repaired);
    }
    const task = { stack, args: command.args, options, dryRun: options.dryRun === true, say };
    const { ok = true, text, data } = await spec.run(task);
    process.stdout.write(`${options.json ? JSON.stringify(data, undefined, 2) : text}\n`);
    return ok ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const refused = error instanceof Refusal;
    if (options.json)
      process.stdout.write(`${JSON.stringify({ [refused ? "refused" : "failed"]: error.message })}\n`);
    else say(`\n${refused ? "Refused. " : ""}${error.message}`);
    return refused ? EXIT.refused : EXIT.failed;
  }
}
