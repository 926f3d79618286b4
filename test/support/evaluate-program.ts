import type { Given } from "./whole-program.ts";

/**
 * Evaluates the program of the stack that the first argument names, with the changes to its settings that the second one may
 * have as JSON, under mocks. Prints what that took as JSON: processor time, which other programs on the machine do not lengthen.
 */
const [stack = "", changes = "{}"] = process.argv.slice(2);

const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

// The providers' SDKs are most of the start-up: thousands of modules.
await import("@pulumi/kubernetes");
const { wholeProgram } = await import("./whole-program.ts");
const started = seconds();
const { registered } = await wholeProgram(stack, JSON.parse(changes) as Given);
const ended = seconds();
const report = { resources: registered.length, startUp: started, program: ended - started, all: ended };
process.stdout.write(`${JSON.stringify(report)}\n`);
