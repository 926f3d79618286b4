import { beforeAll, describe, expect, it } from "vitest";
import { mebibytes } from "../../infra/lib/units.ts";
import { ofType } from "../support/mocks.ts";
import { wholeProgram } from "../support/whole-program.ts";

const GIB = 1024;
/** By the part that a container belongs to. */
const DATA_PLANE = ["etcd", "postgres", "haproxy", "pgbouncer", "redis"];
const API = ["api", "gateway"];

/** Memory limits of the developer's stack as its program declares them, MiB, by part; Grafana counts where it is left out. */
const limits = new Map<string, number>();

beforeAll(async () => {
  const { settings, registered } = await wholeProgram("dev");
  for (const [name, { memory, start }] of ofType(registered, "docker:index/container:Container")) {
    // Those that only hold files are never started.
    if (start === false) continue;
    expect(memory, name).toBeGreaterThan(0);
    const part = name.replace(/-\d+$/, "");
    limits.set(part, (limits.get(part) ?? 0) + Number(memory));
  }
  limits.set("grafana", mebibytes(settings.monitoring.grafanaMemory));
  // It stands on the whole program, which takes seconds to record on a busy machine.
}, 60_000);

const sum = (parts: readonly string[]) => parts.reduce((total, part) => total + Number(limits.get(part)), 0);

describe("the memory limits of the developer's stack", () => {
  it("leave the data plane within 3 GiB", () => {
    expect(sum(DATA_PLANE)).toBeLessThanOrEqual(3 * GIB);
  });

  it("leave it within 4 GiB with the API", () => {
    expect(sum([...DATA_PLANE, ...API])).toBeLessThanOrEqual(4 * GIB);
  });

  it("leave it within 5.5 GiB with the monitoring, Grafana included", () => {
    expect(limits.size).toBeGreaterThan(DATA_PLANE.length + API.length + 5);
    expect(sum([...limits.keys()])).toBeLessThanOrEqual(5.5 * GIB);
  });
});
