import { beforeAll, describe, expect, it } from "vitest";
import type { Settings } from "../../infra/settings/schema.ts";
import { expectedMembers } from "../../ops/expected.ts";
import { plain, type Registered } from "../support/mocks.ts";
import { READERS } from "../support/targets.ts";
import { wholeProgram } from "../support/whole-program.ts";

const MEMBERS = [
  "api",
  "etcd-0",
  "gateway",
  "haproxy",
  "pgbouncer",
  "postgres-0",
  "postgres-1",
  "redis-0",
  "redis-1",
  "redis-2",
];

describe("the stack for small machines", () => {
  let settings: Settings;
  let registered: Registered[];
  // The whole graph takes a second or two to record, and many times that on a busy machine.
  beforeAll(async () => {
    ({ settings, registered } = await wholeProgram("light"));
  }, 60_000);

  it("is one replica, one API, three Redis primaries, and nobody who watches", () => {
    expect(READERS.docker(registered).members.sort()).toEqual(MEMBERS);
    expect(expectedMembers(settings).members.toSorted()).toEqual(MEMBERS);
  });

  it("is limited to 1.6 GB of memory in all", () => {
    const limits = registered
      .filter(({ type }) => type === "docker:index/container:Container")
      .map(({ inputs }) => plain(inputs) as { start?: boolean; memory?: number })
      .filter(({ start }) => start !== false)
      .map(({ memory = Number.POSITIVE_INFINITY }) => memory);
    expect(limits.reduce((sum, limit) => sum + limit, 0)).toBeLessThanOrEqual(1600);
  });
});
