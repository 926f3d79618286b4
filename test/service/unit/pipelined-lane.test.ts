import { setTimeout as pause } from "node:timers/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { PipelinedLane } from "../../../service/src/database/pipelined-lane.ts";

/** What each connection was sent, and how to answer it. */
const connections: { sent: string[]; answer: () => void }[] = [];

vi.mock("pg", async (original) => ({
  ...(await original<object>()),
  Client: class {
    readonly #waiting: (() => void)[] = [];
    readonly #seen = {
      sent: [] as string[],
      answer: () => {
        for (const done of this.#waiting.splice(0)) done();
      },
    };
    on(): void {}
    async connect(): Promise<void> {
      connections.push(this.#seen);
    }
    async end(): Promise<void> {}
    query({ values: [value] }: { values: string[] }): Promise<unknown> {
      this.#seen.sent.push(String(value));
      return new Promise((resolve) => this.#waiting.push(() => resolve({ rows: [{ value }] })));
    }
  },
}));

const login = { host: "localhost", port: 1, database: "d", user: "u", passwords: () => ["p"], ca: "" };
const laneOf = (size: number) =>
  new PipelinedLane({ login, name: "test", connectTimeoutMs: 100, queryTimeoutMs: 100, size, queue: 100 });
const ask = (lane: PipelinedLane, count: number) =>
  Array.from({ length: count }, (_, at) => lane.query({ name: "s", text: "SELECT $1" }, [String(at)]));

describe("the pipelined lane", () => {
  beforeEach(() => {
    connections.length = 0;
  });

  it("sends what is asked for in one turn as one batch on one connection, and answers each with its own rows", async () => {
    const answers = ask(laneOf(4), 8);
    await vi.waitFor(() => expect(connections[0]?.sent).toHaveLength(8));
    expect(connections).toHaveLength(1);
    connections[0]?.answer();
    expect((await Promise.all(answers)).map(([row]) => row?.value)).toEqual([
      "0",
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
      "7",
    ]);
  });

  it("takes another connection for every eight that wait, and no more than it may", async () => {
    void ask(laneOf(3), 100);
    await vi.waitFor(() => expect(connections).toHaveLength(3));
    expect(connections.map(({ sent }) => sent.length)).toEqual([32, 32, 32]);
  });

  it("takes another connection for one that waits behind a slow statement", async () => {
    const lane = laneOf(2);
    void ask(lane, 1);
    await vi.waitFor(() => expect(connections[0]?.sent).toEqual(["0"]));
    void lane.query({ name: "s", text: "SELECT $1" }, ["behind"]);
    await vi.waitFor(() => expect(connections[1]?.sent).toEqual(["behind"]));
  });

  it("leaves a further statement to the connection at work where that is soon free", async () => {
    const lane = laneOf(2);
    const [first] = ask(lane, 1);
    await vi.waitFor(() => expect(connections[0]?.sent).toEqual(["0"]));
    const second = lane.query({ name: "s", text: "SELECT $1" }, ["second"]);
    connections[0]?.answer();
    await first;
    await vi.waitFor(() => expect(connections[0]?.sent).toEqual(["0", "second"]));
    connections[0]?.answer();
    await second;
    await pause(20);
    expect(connections).toHaveLength(1);
  });
});
