import { join } from "node:path";
import { ROOT } from "../../../tools/layout.ts";
import { mustRun } from "../../../tools/process.ts";
import { UNCHANGED } from "../../support/stack-commands.ts";
import type { Given } from "../../support/whole-program.ts";
import type { Comparison, Variant } from "../comparison.ts";
import { STACK } from "../stack.ts";

const REPEATED = "npm run up";
const PRODUCTION = "prod";
const FEW = "dev, 3 API instances";
const MANY = "dev, 30 API instances";

export const program: Comparison = {
  name: "p13",
  title: "The program: repeated, evaluated, grown",
  load: `"${REPEATED}": on the bench's running stack, with nothing to change, npm and the wait until all parts are well included. The others: the Pulumi program evaluated under mocks in a process of its own; processor time without the loading of the providers' SDKs, which an empty program needs as well.`,
  goals: [
    { what: "repeated npm run up, s", figure: "seconds", of: REPEATED, bound: { atMost: 15 } },
    {
      ...{ what: "evaluation per resource over an empty program, ms", figure: "perResourceMs" },
      ...{ of: PRODUCTION, bound: { atMost: 10 } },
    },
    {
      ...{ what: "evaluation of 30 replicas / of 3", figure: "cpuSeconds", of: MANY, against: FEW },
      bound: { atMost: 4 },
    },
  ],
  prepare: async () => ({
    variants: [
      repeated,
      evaluated(PRODUCTION, "prod"),
      evaluated(FEW, "dev", { api: { instances: 3 } }),
      evaluated(MANY, "dev", { api: { instances: 30 } }),
    ],
    stop: async () => undefined,
  }),
};

const repeated: Variant = {
  name: REPEATED,
  async measure() {
    const begin = performance.now();
    const output = await mustRun("npm", ["run", "up", "--", "--stack", STACK], { cwd: ROOT });
    const seconds = (performance.now() - begin) / 1_000;
    if (!UNCHANGED.test(output))
      throw new Error(`the repeated up changed something: ${output.slice(-2_000)}`);
    return { seconds };
  },
};

function evaluated(name: string, stack: string, changes: Given = {}): Variant {
  const script = join(ROOT, "test/support/evaluate-program.ts");
  return {
    name,
    async measure() {
      const printed = await mustRun(process.execPath, [script, stack, JSON.stringify(changes)]);
      const report = JSON.parse(printed.trim().split("\n").at(-1) ?? "") as {
        readonly resources: number;
        readonly program: number;
      };
      return {
        cpuSeconds: report.program,
        resources: report.resources,
        perResourceMs: (report.program * 1_000) / report.resources,
      };
    },
  };
}
