import { afterEach, describe, expect, it } from "vitest";

import { Problem } from "../../../service/src/errors.ts";
import { pseudonym } from "../../../service/src/plugins/access-log.ts";
import { A, B, LOG_KEY, type TestApp, TRANSFER, testApp } from "../support/test-app.ts";

let made: TestApp;
afterEach(async () => await made.app.close());

const accesses = () => made.lines.filter(({ log }) => log === "access");
const post = (headers: Record<string, string>, body: object = TRANSFER) =>
  made.app.inject({
    method: "POST",
    url: "/transaction",
    headers: { "idempotency-key": "key-of-the-client", "x-request-id": "r1", ...headers },
    payload: body,
  });

describe("the access log", () => {
  it("tells who did what to what, and how it ended, at every log level", async () => {
    made = await testApp();
    await post(await made.bearer(A));
    expect(accesses()).toEqual([
      expect.objectContaining({
        level: 30,
        request: "r1",
        principal: pseudonym(LOG_KEY, A),
        client: pseudonym(LOG_KEY, "127.0.0.1"),
        action: "POST /transaction",
        object: `transaction ${"a".repeat(64)}`,
        outcome: "done",
        status: 200,
      }),
    ]);
  });

  it.each([
    ["another's funds", async () => made.bearer(B), "denied", 403, "forbidden"],
    ["no token", async () => ({}), "denied", 401, "invalid_token"],
  ] as const)("tells of a refusal: %s", async (_, headers, outcome, status, code) => {
    made = await testApp();
    await post(await headers());
    expect(accesses()).toEqual([expect.objectContaining({ outcome, status, code })]);
  });

  it("tells of what the ledger refuses, of failures, and of admin routes", async () => {
    made = await testApp();
    for (const code of ["insufficient_funds", "unavailable"] as const) {
      made.outcome = () => Promise.reject(new Problem(code));
      await post(await made.bearer(A));
    }
    await made.app.inject({
      url: "/admin/database/stats",
      headers: await made.bearer(A, { scope: "admin" }),
    });
    expect(accesses().map(({ action, object, outcome }) => [action, object, outcome])).toEqual([
      ["POST /transaction", `account ${pseudonym(LOG_KEY, A)}`, "refused"],
      ["POST /transaction", `account ${pseudonym(LOG_KEY, A)}`, "failed"],
      ["GET /admin/database/stats", undefined, "done"],
    ]);
  });

  it("leaves reads out, unless all requests are asked for; health and metrics always", async () => {
    const ask = async () => {
      for (const url of [`/balance/${A}`, "/health", "/metrics"]) await made.app.inject(url);
      await made.app.close();
    };
    made = await testApp();
    await ask();
    expect(accesses()).toEqual([]);
    made = await testApp({ accessLog: { requests: "all", key: LOG_KEY } });
    await ask();
    expect(accesses()).toEqual([
      expect.objectContaining({
        action: "GET /balance/:address",
        principal: "anonymous",
        object: `account ${pseudonym(LOG_KEY, A)}`,
      }),
    ]);
  });

  it("holds no address, token, key, amount or header of a client", async () => {
    made = await testApp({ accessLog: { requests: "all", key: LOG_KEY } });
    const token = await made.bearer(A);
    const secret = { ...token, cookie: "session=cookie-of-the-client", "user-agent": "agent-of-the-client" };
    await post(secret, { ...TRANSFER, amount: 987_654_321 });
    await post({ ...secret, ...(await made.bearer(B)) });
    await post({ authorization: "Bearer a.b.c" });
    await post(secret, { ...TRANSFER, from: `${A}"\nx` });
    await made.app.inject({ url: `/transactions/${A}?before=1&who=query-of-the-client` });
    expect(accesses()).toHaveLength(5);
    const text = JSON.stringify(made.lines);
    const [signature] = token.authorization.split(".").slice(-1);
    for (const private_ of [A, B, "127.0.0.1", signature, "of-the-client", "987654321", LOG_KEY])
      expect(text).not.toContain(private_);
  });

  it("makes other pseudonyms with another key", () => {
    expect(pseudonym("one", A)).not.toBe(pseudonym("two", A));
    expect(pseudonym("one", A)).toBe(pseudonym("one", A));
  });
});
