import { explain } from "../causes.mjs";
import { Failure } from "../failure.ts";
import { describeFailure } from "../process.ts";
import type { Step } from "../setup/progress.ts";
import type { Pulumi } from "./pulumi.ts";

const QUIET = ["--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress"];

/** One section of the engine's closing report, from its title to the next empty line; without the title. */
export function section(output: string, title: string): string[] {
  const lines = output.split("\n");
  const start = lines.indexOf(`${title}:`);
  if (start < 0) return [];
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^(Diagnostics|Resources|Outputs|Duration):/.test(line));
  return rest.slice(0, end < 0 ? undefined : end).filter((line) => line.trim() !== "");
}

/** A line that names the resource that the next lines are about. */
function isHeading(line: string): boolean {
  return /^ {2}\S+ \(\S+\):$/.test(line);
}

/** A line of the engine's progress in short: `created docker:index:Container postgres-0`. */
export function shortProgress(line: string): string | undefined {
  const found =
    /^\s*(?:[@+~-]+|\+\+|--|\+-|<|>)?\s*(\S+:\S+) (\S+) (creating|created|updating|updated|deleting|deleted|replacing|replaced|creating failed)\b/.exec(
      line,
    );
  return found ? `${found[3]} ${found[2]}` : undefined;
}

/**
 * Lets the engine work and shows what it is at.
 *
 * @returns what it did, for example `33 created`
 * @throws Failure with the engine's diagnostics
 */
export async function deploy(
  step: Step,
  pulumi: Pulumi,
  command: "up" | "destroy",
  args: readonly string[] = [],
): Promise<string> {
  const result = await pulumi.run([command, ...QUIET, ...args, "--stack", pulumi.stack], {
    onLine: (line) => {
      const short = shortProgress(line);
      if (short) step.line(short);
    },
  });
  const diagnostics = section(result.stdout, "Diagnostics");
  if (result.code === 0) {
    for (const line of diagnostics.filter((line) => !isHeading(line))) step.note(line.trim());
    return (
      section(result.stdout, "Resources")
        .map((line) => line.trim())
        .join(", ") || "nothing to do"
    );
  }
  if (diagnostics.length === 0) throw new Failure(describeFailure(`pulumi ${command}`, result));
  throw new Failure(
    [
      `pulumi ${command} failed:`,
      ...diagnostics,
      ...[explain(result.stdout + result.stderr) ?? []].flat(),
      "Mend the cause and repeat; what is done already is kept.",
    ].join("\n"),
  );
}
