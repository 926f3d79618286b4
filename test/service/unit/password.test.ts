import { describe, expect, it, vi } from "vitest";

import { passwordInForce } from "../../../service/src/database/password.ts";

describe("the password of a database session", () => {
  const session = { host: "pgbouncer", user: "dujyo_app" };
  const taking = (taken: string) => vi.fn(async ({ password }: { password?: unknown }) => password === taken);

  it("is the one of two that is taken, whichever that is", async () => {
    expect(await passwordInForce(session, ["new", "former"], taking("former"))).toBe("former");
    expect(await passwordInForce(session, ["new", "former"], taking("new"))).toBe("new");
  });

  it("is the likelier one where neither is taken", async () => {
    expect(await passwordInForce(session, ["new", "former"], taking("another"))).toBe("new");
  });

  it("costs no session of its own where there is one", async () => {
    const opens = taking("only");
    expect(await passwordInForce(session, ["only"], opens)).toBe("only");
    expect(opens).not.toHaveBeenCalled();
  });
});
