import { mustRun } from "../../tools/process.ts";

/** Identities of a stack's running containers, by member. */
export async function runningContainers(stack: string): Promise<ReadonlyMap<string, string>> {
  const labels = [`label=io.dujyo.stack=${stack}`, "label=io.dujyo.member"];
  const format = '{{.Label "io.dujyo.member"}} {{.ID}}';
  const listed = await mustRun("docker", [
    ...["ps", "--no-trunc", "--format", format, ...labels.flatMap((label) => ["--filter", label])],
  ]);
  return new Map(
    listed
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
}
