import { DatabaseError } from "pg";
import { beforeEach, expect, it, vi } from "vitest";
import type { Connection } from "../../ops/connection.ts";
import { withSession } from "../../ops/postgres/session.ts";
import { type Door, mustAnswer } from "../../ops/rotate/doors.ts";

vi.mock("../../ops/postgres/session.ts");

const session = vi.mocked(withSession);
const connection = {} as Connection;
const refusal = new DatabaseError("password authentication failed", 30, "error");
const reset = new Error("read ECONNRESET");
const doors: readonly Door[] = [
  { name: "the writer", role: "app", options: () => ({ host: "writer" }) },
  { name: "the reader", role: "readonly", options: () => ({ host: "reader" }) },
];

beforeEach(() => void session.mockReset());

it("logs in at each door", async () => {
  await mustAnswer(connection, doors, true);
  expect(session.mock.calls.map(([options]) => options.host)).toEqual(["writer", "reader"]);
});

it("waits for a door that has not heard of the passwords yet", async () => {
  session.mockRejectedValueOnce(refusal).mockRejectedValueOnce(reset);
  await mustAnswer(connection, doors, true);
  expect(session.mock.calls.map(([options]) => options.host)).toEqual([
    ...["writer", "writer", "writer"],
    "reader",
  ]);
});

it("gives each door the whole of its time", async () => {
  const late = Date.now() + 300;
  session.mockImplementation(async ({ host }) => {
    if (host === "writer" ? Date.now() < late : Date.now() < late + 300) throw refusal;
  });
  await mustAnswer(connection, doors, true, 0.5);
});

it.each([
  [true, refusal, "the writer refuses the new password of app (password authentication failed)"],
  [true, reset, "the writer does not say whether it takes app (read ECONNRESET)"],
  [false, undefined, "the writer still takes the former password of app"],
  // A door that nothing is behind has refused nobody.
  [false, reset, "the writer does not say whether it takes app (read ECONNRESET)"],
])("names the door that does otherwise (to be open: %s)", async (open, error, expected) => {
  session.mockImplementation(async () => {
    if (error) throw error;
  });
  await expect(mustAnswer(connection, doors, open, 0)).rejects.toThrow(expected);
});
