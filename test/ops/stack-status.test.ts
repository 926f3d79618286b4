import { describe, expect, it } from "vitest";
import type { Inventory, Member } from "../../ops/inventory.ts";
import { formatStatus, readStatus } from "../../ops/stack-status.ts";

const members: Member[] = [
  { name: "postgres-0", part: "postgres", running: true, state: "running", address: "127.0.0.1:5432" },
  { name: "postgres-1", part: "postgres", running: true, state: "running" },
];
const expected = { members: ["postgres-0", "postgres-1"], instances: {}, quorumStandbys: 1 };
const leader = '{"role":"leader","healthy":true,"lag":null,"detail":"running"}';
const standby = '{"role":"quorum standby","healthy":true,"lag":"0 B","detail":null}';

function inventory(found: Member[], answers: Record<string, string>, timedOut = false): Inventory {
  return {
    members: async () => found,
    exec: async ({ name }) => ({ code: 0, stdout: answers[name] ?? "", stderr: "broken", timedOut }),
    logs: async () => ({ code: 0, stdout: "", stderr: "", timedOut: false }),
  };
}

describe("status", () => {
  it("is well with every member healthy, one leader and the quorum complete", async () => {
    const status = await readStatus(
      inventory(members, { "postgres-0": leader, "postgres-1": standby }),
      expected,
    );
    expect(status.well).toBe(true);
    expect(formatStatus(status).split("\n")).toEqual([
      "PART        ROLE            HEALTH   LAG  ADDRESS         DETAIL",
      "postgres-0  leader          healthy  -    127.0.0.1:5432  running",
      "postgres-1  quorum standby  healthy  0 B  -",
      "",
      "All is well.",
    ]);
  });

  it("names every problem", async () => {
    const found = members.map((member) =>
      member.name === "postgres-0" ? { ...member, running: false, state: "exited" } : member,
    );
    const status = await readStatus(inventory(found, { "postgres-1": "no json" }), {
      ...expected,
      members: [...expected.members, "haproxy"],
    });
    expect(status.well).toBe(false);
    expect(status.problems).toEqual([
      "haproxy is missing",
      "postgres-0 is not healthy: exited",
      "postgres-1 is not healthy: broken",
      "PostgreSQL has 0 leaders instead of 1",
      "PostgreSQL has 0 of the 1 quorum standbys that are demanded",
    ]);
  });

  it("counts instances that have no names of their own", async () => {
    const found = [...members, { name: "api-76768b9cd-q5hth", part: "api", running: true, state: "running" }];
    const answers = {
      "postgres-0": leader,
      "postgres-1": standby,
      "api-76768b9cd-q5hth": '{"healthy":true}',
    };
    const problems = async (api: number) =>
      (await readStatus(inventory(found, answers), { ...expected, instances: { api } })).problems;
    expect(await problems(1)).toEqual([]);
    expect(await problems(2)).toEqual(["api has 1 of 2 instances"]);
  });

  it("does not wait for a member that does not answer", async () => {
    const status = await readStatus(inventory(members, {}, true), expected);
    expect(status.members[0]?.detail).toBe("no answer within 10 s");
  });
});
