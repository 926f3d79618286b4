import { describe, expect, it } from "vitest";
import { rank } from "../../ops/postgres/candidates.ts";
import { chooseCandidate } from "../../ops/postgres/hand-over.ts";
import { missingFrom, parseView } from "../../ops/postgres/patroni.ts";

const member = (name: string, role: string, state: string, lag = 0) => ({
  name,
  role,
  state,
  timeline: 3,
  lag,
});

const DOCUMENT = {
  members: [
    member("p0", "leader", "running"),
    member("p1", "quorum_standby", "streaming", 900),
    member("p2", "quorum_standby", "streaming", 5),
    member("p3", "replica", "streaming"),
  ],
};

function view(document: object = DOCUMENT) {
  const parsed = parseView(JSON.stringify(document));
  if (!parsed?.leader) throw new Error("bug: the document has no leader");
  return { ...parsed, leader: parsed.leader };
}

describe("Patroni's view", () => {
  it("knows the leader and the standbys, nearest first", () => {
    expect(view()).toMatchObject({ leader: "p0", standbys: ["p2", "p1"], paused: false });
    expect(parseView("no json")).toBeUndefined();
  });

  it("tells what is missing", () => {
    expect(missingFrom(view(), ["p0", "p1", "p2", "p3"], 2)).toBeUndefined();
    expect(missingFrom(view(), ["p0", "p4"], 1)).toBe("p4 has not joined");
    expect(missingFrom(view(), ["p0", "p1"], 3)).toBe("2 of 3 quorum standbys stand by");
  });
});

describe("the next leader", () => {
  it("is the nearest standby, or the one that is named", () => {
    expect(chooseCandidate(view(), 1_000)).toBe("p2");
    expect(chooseCandidate(view(), 1_000, "p1")).toBe("p1");
  });

  it.each([
    ["p0", "p0 leads already"],
    ["p9", 'There is no PostgreSQL member "p9". There are: p0, p1, p2, p3.'],
    ["p3", "p3 is no quorum standby (replica, streaming)"],
    ["p1", "p1 is 900 B behind; at most 100 B are allowed"],
  ])("is never %s", (name, reason) => {
    expect(() => chooseCandidate(view(), 100, name)).toThrow(reason);
  });

  it("is nobody while automatic failover is paused", () => {
    expect(() => chooseCandidate(view({ ...DOCUMENT, pause: true }), 1_000)).toThrow("npm run ops -- resume");
  });
});

describe("candidates of a failover", () => {
  it("stand in the order of their positions, with what would be lost", () => {
    const of = (name: string, position: number | null, role = "replica") => ({
      ...{ name, role, answers: position !== null, timeline: 3, position },
    });
    const ranked = rank([of("p0", null), of("p1", 70), of("p2", 100)]);
    expect(ranked.leader).toBeNull();
    expect(ranked.candidates.map(({ name, behind_bytes }) => [name, behind_bytes])).toEqual([
      ["p2", 0],
      ["p1", 30],
      ["p0", null],
    ]);
    expect(rank([of("p0", 120, "primary"), of("p1", 100)]).leader).toBe("p0");
  });
});
