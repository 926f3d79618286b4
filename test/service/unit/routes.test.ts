import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Problem } from "../../../service/src/errors.ts";
import { A, B, DATABASE, type TestApp, TRANSFER, testApp } from "../support/test-app.ts";

let open: TestApp;
let closed: TestApp;
let app: TestApp["app"];
let bearer: TestApp["bearer"];

beforeAll(async () => {
  open = await testApp({}, { admin: false });
  closed = await testApp();
  ({ app, bearer } = open);
});

afterAll(async () => {
  await app.close();
  await closed.app.close();
});

async function post(body: unknown, headers: Record<string, string> = {}) {
  return await app.inject({
    method: "POST",
    url: "/transaction",
    headers: {
      "idempotency-key": "k1",
      "content-type": "application/json",
      ...(await bearer(A)),
      ...headers,
    },
    payload: typeof body === "string" ? body : JSON.stringify(body),
  });
}

describe("bad input is answered 400 with the field named", () => {
  it.each([
    ["/balance/a.b", "address"],
    [`/balance/${"A".repeat(65)}`, "address"],
    [`/balance/${"A".repeat(1025)}`, "address"],
    [`/balance/${"A".repeat(15_000)}`, "address"],
    [`/pool/${"A".repeat(1025)}`, "id"],
    ["/balance-detail/%20", "address"],
    ["/transactions/hash/123", "hash"],
    [`/transactions/hash/${"a".repeat(65)}`, "hash"],
    [`/transactions/hash/${"a".repeat(1025)}`, "hash"],
    [`/transactions/${A}?before=xyz`, "before"],
    [`/transactions/${A}?before=99999999999999999999`, "before"],
    [`/transactions/${A}?limit=0`, "limit"],
    [`/transactions/${A}?limit=1e9`, "limit"],
    [`/transactions/${A}?page=2`, "page"],
    [`/transactions/${A}?before=1&after=2`, "after"],
    ["/blocks?limit=51", "limit"],
    ["/holders/top?limit=x", "limit"],
    ["/balance/%zz", "url"],
  ])("%s", async (url, field) => {
    const response = await app.inject(url);
    expect(response.statusCode).toBe(400);
    expect(response.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(response.json()).toMatchObject({ code: "invalid_request", issues: [{ field }] });
  });

  it.each([
    [{ ...TRANSFER, amount: "5" }, "amount"],
    [{ ...TRANSFER, amount: 0 }, "amount"],
    [{ ...TRANSFER, amount: 1.5 }, "amount"],
    [{ ...TRANSFER, amount: 2 ** 53 }, "amount"],
    [{ ...TRANSFER, nonce: -1 }, "nonce"],
    [{ ...TRANSFER, to: "x y" }, "to"],
    [{ ...TRANSFER, from: "A".repeat(65) }, "from"],
    [{ ...TRANSFER, nft_id: "x".repeat(256) }, "nft_id"],
    [{ from: A, to: B, amount: 5 }, "nonce"],
    [{ ...TRANSFER, fee: 1 }, "fee"],
    ["{not json", "body"],
    ["", "body"],
    ["[]", "body"],
  ])("POST /transaction %j", async (body, field) => {
    const response = await post(body);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: "invalid_request", issues: [{ field }] });
  });

  it("a token of the wrong form", async () => {
    const response = await app.inject({ url: `/balance/${A}`, headers: { "x-read-after": "soon" } });
    expect(response.json()).toMatchObject({ status: 400, issues: [{ field: "x-read-after" }] });
  });

  it("no idempotency key", async () => {
    const response = await post(TRANSFER, { "idempotency-key": "" });
    expect(response.json()).toMatchObject({ status: 400, issues: [{ field: "idempotency-key" }] });
  });

  it("an idempotency key that is too long", async () => {
    const response = await post(TRANSFER, { "idempotency-key": "k".repeat(256) });
    expect(response.json()).toMatchObject({ status: 400, issues: [{ field: "idempotency-key" }] });
  });
});

describe("what is not even a request is answered with a problem document", () => {
  /** Sends text to the listening service and gives what comes back until it closes the connection. */
  async function send(text: string) {
    if (!app.server.listening) await app.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
    socket.write(text);
    const [head = "", body = ""] = (await socket.setEncoding("utf8").toArray()).join("").split("\r\n\r\n");
    return { head, problem: JSON.parse(body) as Record<string, unknown> };
  }

  it.each([
    [
      "a URL that is too long",
      `GET /balance/${"A".repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      "url and headers",
    ],
    [
      "headers that are too long",
      `GET /health HTTP/1.1\r\nx: ${"A".repeat(20_000)}\r\n\r\n`,
      "url and headers",
    ],
    ["malformed HTTP", "GET /health HTTP/9.9\r\n\r\n", "request"],
    ["something else", "\u0016\u0003\u0001 hello\r\n\r\n", "request"],
  ])("%s", async (_, text, field) => {
    const { head, problem } = await send(text);
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/);
    expect(problem).toMatchObject({ status: 400, code: "invalid_request", issues: [{ field }] });
  });
});

describe("a write", () => {
  it("over the size limit is refused", async () => {
    const response = await post({ ...TRANSFER, nft_id: "x".repeat(4000) });
    expect(response.json()).toMatchObject({
      status: 400,
      code: "invalid_request",
      issues: [{ field: "body" }],
    });
  });

  it("that is not JSON is refused", async () => {
    const response = await post("a=1", { "content-type": "application/x-www-form-urlencoded" });
    expect(response.statusCode).toBe(415);
  });

  it.each([
    ["no token", {}],
    ["a token of another kind", { authorization: "Basic abc" }],
    ["garbage", { authorization: "Bearer a.b.c" }],
  ])("with %s is answered 401", async (_, headers) => {
    const response = await post(TRANSFER, { authorization: "", ...headers });
    expect(response.json()).toMatchObject({ status: 401, code: "invalid_token" });
    expect(response.headers["www-authenticate"]).toBe("Bearer");
  });

  it("with an expired token, or one for another audience, is answered 401", async () => {
    expect((await post(TRANSFER, await bearer(A, { ttl: -10 }))).statusCode).toBe(401);
    expect((await post(TRANSFER, await bearer(A, { audience: "other" }))).statusCode).toBe(401);
  });

  it("for another's address is answered 403", async () => {
    const response = await post(TRANSFER, await bearer(B));
    expect(response.json()).toMatchObject({ status: 403, code: "forbidden" });
  });

  it.each([
    ["insufficient_funds", 409],
    ["wrong_nonce", 409],
    ["idempotency_conflict", 422],
  ] as const)("that the ledger refuses says %s", async (code, status) => {
    open.outcome = () => Promise.reject(new Problem(code, { facts: { expected: 3 } }));
    expect((await post(TRANSFER)).json()).toMatchObject({ status, code, expected: 3 });
  });

  it("of unknown outcome says so and asks for a repeat with the same key", async () => {
    open.outcome = () => Promise.reject(new Problem("commit_unknown"));
    const response = await post(TRANSFER);
    expect(response.json()).toMatchObject({ status: 503, code: "commit_unknown" });
    expect(response.json().title).toMatch(/same Idempotency-Key/);
    expect(response.headers["retry-after"]).toBe("1");
  });

  it("that fails inside tells nothing about the inside", async () => {
    open.outcome = () => Promise.reject(new Error("password authentication failed for secret-user"));
    const response = await post(TRANSFER);
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toMatch(/secret-user/);
  });
});

describe("a read", () => {
  it("says where its answer came from and how old it is", async () => {
    const response = await app.inject(`/balance/${A}`);
    expect(response.json()).toEqual({ address: A, balance: 7, timestamp: 1 });
    expect(response.headers["x-cache"]).toBe("l1");
    expect(Number(response.headers.age)).toBeGreaterThanOrEqual(5);
  });

  it("of what the client has is answered 304", async () => {
    const response = await app.inject({ url: `/balance/${A}`, headers: { "if-none-match": 'W/"1-0-x"' } });
    expect([response.statusCode, response.body]).toEqual([304, ""]);
  });
});

describe("the service around", () => {
  it("answers /metrics as JSON, and as text to a scraper", async () => {
    const text = await app.inject({
      url: "/metrics",
      headers: { accept: "text/plain;version=0.0.4;q=0.5,*/*;q=0.1" },
    });
    expect(text.headers["content-type"]).toMatch(/^text\/plain/);
    expect(text.body).toMatch(
      /dujyo_api_http_request_duration_seconds_bucket{le="0.001",route="\/balance\/:address"} \d/,
    );
    const series = text.body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(series.length).toBeLessThanOrEqual(500);
  });

  it("keeps admin routes for holders of the scope, unless that is switched off", async () => {
    const url = "/admin/database/stats";
    const ask = async (headers = {}) => (await closed.app.inject({ url, headers })).statusCode;
    expect(await ask()).toBe(401);
    expect(await ask(await closed.bearer(A))).toBe(403);
    expect(await ask(await closed.bearer(A, { scope: "admin" }))).toBe(200);
    const answer = await app.inject(url);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ instance: "test", ...DATABASE });
  });

  it("withdraws readiness first and sees keep-alive connections off", async () => {
    open.lifecycle.draining = true;
    const ready = await app.inject("/health/ready");
    const read = await app.inject(`/balance/${A}`);
    open.lifecycle.draining = false;
    expect(ready.json()).toMatchObject({ status: "unready", detail: "draining" });
    expect([ready.statusCode, read.statusCode]).toEqual([503, 200]);
    expect(read.headers.connection).toBe("close");
  });

  it("refuses what exceeds the requests in flight, but not health", async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    open.outcome = () => gate.then(() => Promise.reject(new Problem("wrong_nonce")));
    const running = Array.from({ length: 4 }, () => post(TRANSFER));
    await expect.poll(async () => (await app.inject(`/balance/${A}`)).statusCode).toBe(503);
    const refused = await app.inject(`/balance/${A}`);
    expect(refused.json()).toMatchObject({ code: "overloaded" });
    expect(refused.headers["retry-after"]).toBe("1");
    expect((await app.inject("/health/live")).statusCode).toBe(200);
    release?.();
    await Promise.all(running);
    await expect.poll(async () => (await app.inject(`/balance/${A}`)).statusCode).toBe(200);
  });

  it("describes its routes", async () => {
    const document = (await app.inject("/openapi.json")).json();
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        "/balance/{address}",
        "/transactions/{address}",
        "/transaction",
        "/admin/performance",
      ]),
    );
  });
});
