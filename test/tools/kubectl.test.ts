import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { reachCluster } from "../../tools/stack/kubernetes-cluster.ts";

// The disposable cluster's own client may be on this machine.
vi.mock(import("../../tools/cluster/programs.ts"), async (load) => ({
  ...(await load()),
  program: (name: string) => `/nowhere/${name}`,
}));

describe("a machine without kubectl", () => {
  const path = process.env.PATH;
  beforeEach(() => {
    process.env.PATH = "/nowhere";
  });
  afterEach(() => {
    process.env.PATH = path;
  });

  it("is told so, with where to get it", async () => {
    await expect(reachCluster(parseSettings("ci", { target: "kubernetes" }))).rejects.toThrow(
      /^kubectl was not found on PATH\. Install it \(https:/,
    );
  });
});
