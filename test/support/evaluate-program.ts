/**
 * Evaluates the program of the stack that the argument names, under mocks, and prints what that took as JSON. Processor
 * time, which other programs on the machine do not lengthen.
 */

const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

// The providers' SDKs are most of the start-up: thousands of modules.
await import("@pulumi/kubernetes");
const { wholeProgram } = await import("./whole-program.ts");
const started = seconds();
const { registered } = await wholeProgram(process.argv[2] as string);
const ended = seconds();
const report = { resources: registered.length, startUp: started, program: ended - started, all: ended };
process.stdout.write(`${JSON.stringify(report)}\n`);
