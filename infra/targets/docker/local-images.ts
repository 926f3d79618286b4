import { execFileSync } from "node:child_process";

/** Whether the Docker engine holds an image of this reference; false too where no engine answers. */
export function isPresent(reference: string): boolean {
  try {
    execFileSync("docker", ["image", "inspect", "--format", "{{.Id}}", reference], {
      stdio: "ignore",
      timeout: 10_000,
    });
    return true;
  } catch {
    return false;
  }
}
