import { mustRun } from "../../tools/process.ts";
import { container } from "./faults.ts";

/** Stops the stack's own instances of the API: the service's tests count queries and instances of their own processes. */
export default async function setup(): Promise<() => Promise<void>> {
  const instances = ["api-0", "api-1"].map(container);
  await mustRun("docker", ["stop", ...instances]);
  return async () => {
    await mustRun("docker", ["start", ...instances]);
  };
}
