import { describe, expect, it } from "vitest";
import { chooseTasks, runTasks, type Session, UPKEEP } from "../../ops/postgres/upkeep.ts";

/** A session that answers by the beginning of a word in the statement, and notes what it was asked. */
function session(answers: Record<string, unknown[] | Error>): { asked: string[]; session: Session } {
  const asked: string[] = [];
  const query = async (text: string) => {
    asked.push(text.trim());
    const answer = Object.entries(answers).find(([part]) => text.includes(part))?.[1] ?? [];
    if (answer instanceof Error) throw answer;
    return { rows: answer };
  };
  return { asked, session: { query } as unknown as Session };
}

const results = async (found: { session: Session }, dryRun: boolean, ...names: string[]) =>
  (await runTasks(found.session, chooseTasks(names), dryRun)).map(({ task, ok, result }) => [
    task,
    ok,
    result,
  ]);

describe("maintenance", () => {
  it("does what is due, and says so", async () => {
    const found = session({
      ensure_partitions: [{ made: 2 }],
      refresh_top_holders: [{ done: true }],
      n_mod_since_analyze: [{ name: "balances" }, { name: 'od"d' }],
    });
    expect(await results(found, false)).toEqual([
      ["partitions", true, "made 2"],
      ["view", true, "renewed"],
      ["statistics", true, 'analysed balances, od"d'],
    ]);
    expect(found.asked).toContain('ANALYZE "balances"');
    expect(found.asked).toContain('ANALYZE "od""d"');
    expect(found.asked.at(-1)).toContain("INSERT INTO maintenance_runs");
  });

  it("changes nothing in a dry run", async () => {
    const found = session({
      generate_series: [{ month: "2026-12" }],
      "FROM maintenance_runs": [{ age: 42.4 }],
      n_mod_since_analyze: [{ name: "postings" }],
    });
    expect(await results(found, true)).toEqual([
      ["partitions", true, "would make 2026-12"],
      ["view", true, "would renew it; 42 s old"],
      ["statistics", true, "would analyse postings"],
    ]);
    expect(found.asked.filter((text) => !/^(SELECT|WITH)/.test(text))).toEqual([]);
    expect(found.asked.join()).not.toMatch(/ensure_partitions|refresh_top_holders/);
  });

  it("goes on after a task that fails", async () => {
    const found = session({
      ensure_partitions: new Error("lock timeout"),
      refresh_top_holders: [{ done: false }],
    });
    expect(await results(found, false)).toEqual([
      ["partitions", false, "lock timeout"],
      ["view", true, "another session is renewing it"],
      ["statistics", true, "none due"],
    ]);
  });

  it("runs some tasks alone, in their order, and refuses unknown ones", () => {
    expect(chooseTasks(["statistics", "partitions"]).map(({ name }) => name)).toEqual([
      "partitions",
      "statistics",
    ]);
    expect(() => chooseTasks(["vacuum"])).toThrow(
      /no task "vacuum"\. There are: partitions, view, statistics/,
    );
  });

  it("deletes nothing, whatever its tasks", async () => {
    const found = session({});
    await runTasks(found.session, UPKEEP, false);
    expect(found.asked.join("\n")).not.toMatch(/\b(DELETE|TRUNCATE|DROP|DETACH)\b/i);
  });
});
