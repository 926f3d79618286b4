import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { A, B, type TestApp, TRANSFER, testApp } from "../support/test-app.ts";

/** The points of docs/api-security.md that no other test shows. */

const SOURCES = join(import.meta.dirname, "../../../service/src");

type Described = Record<string, Record<string, { security?: unknown; responses: Record<string, unknown> }>>;

let made: TestApp;
let described: Described;
beforeAll(async () => {
  made = await testApp();
  described = (await made.app.inject("/openapi.json")).json().paths;
});
afterAll(async () => await made.app.close());

const post = (headers: Record<string, string>, body: object = TRANSFER) =>
  made.app.inject({
    method: "POST",
    url: "/transaction",
    headers: { "idempotency-key": "k", ...headers },
    payload: body,
  });

const operations = () =>
  Object.entries(described).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

describe("object level: a principal moves its own address's funds alone", () => {
  it("whatever its scope", async () => {
    expect((await post(await made.bearer(A))).statusCode).toBe(200);
    expect((await post(await made.bearer(B, { scope: "admin" }))).json()).toMatchObject({
      code: "forbidden",
    });
    expect((await post(await made.bearer(A.toLowerCase()))).statusCode).toBe(403);
  });
});

describe("authentication", () => {
  it.each([
    ["another issuer", { issuer: "somebody" }],
    ["another audience", { audience: "other-api" }],
    ["an end that has passed", { ttl: -1 }],
    ["no end", { ttl: null }],
  ])("takes no token with %s", async (_, claims) => {
    expect((await post(await made.bearer(A, claims))).statusCode).toBe(401);
  });
});

describe("property level", () => {
  it("no member leaves that the document does not name", async () => {
    const usual = made.outcome;
    made.outcome = async () => ({ ...((await usual()) as object), password: "of-the-inside" });
    const answer = await post(await made.bearer(A));
    made.outcome = usual;
    expect(answer.statusCode).toBe(200);
    expect(answer.body).not.toContain("of-the-inside");
  });

  it("no member is taken that the document does not name", async () => {
    expect((await post(await made.bearer(A), { ...TRANSFER, status: "confirmed" })).statusCode).toBe(400);
  });
});

describe("function level", () => {
  it("every route that changes something, and every admin route, asks for a token first", async () => {
    const closed = operations().filter(({ path, method }) => method !== "get" || path.startsWith("/admin/"));
    expect(closed.length).toBeGreaterThanOrEqual(4);
    for (const { path, method, operation } of closed) {
      expect(operation.security, path).toEqual([{ bearer: [] }]);
      const answer = await made.app.inject({ method: method.toUpperCase() as "GET", url: path });
      expect(answer.statusCode, path).toBe(401);
    }
  });

  it("admin routes ask for the admin scope besides, and take no other for it", async () => {
    for (const scope of [undefined, "administrator", "not-admin", "Admin", "admin,x"]) {
      const headers = await made.bearer(A, { scope });
      expect((await made.app.inject({ url: "/admin/database/stats", headers })).statusCode, scope).toBe(403);
    }
  });
});

describe("requests forged by the server", () => {
  it("can not be: the service asks no address that a client may name, since it has no HTTP client", () => {
    const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    expect(files.length).toBeGreaterThan(50);
    const clients = files.filter((name) =>
      /(?<![.#\w])fetch\(|\bhttps?\.(get|request)\(|import \{[^}]*\b(request|get)\b[^}]*\} from "node:https?"|from "(undici|got|axios)"/.test(
        readFileSync(join(SOURCES, name), "utf8"),
      ),
    );
    expect(clients).toEqual([]);
  });
});

describe("configuration", () => {
  it("answers tell no product, allow no other site's scripts, and are taken for what their type says", async () => {
    const { headers } = await made.app.inject({
      url: `/balance/${A}`,
      headers: { origin: "https://evil.example" },
    });
    expect(headers["x-content-type-options"]).toBe("nosniff");
    for (const name of ["server", "x-powered-by", "access-control-allow-origin"])
      expect(headers[name]).toBeUndefined();
  });

  it.each([
    "OPTIONS",
    "TRACE",
    "PUT",
    "DELETE",
    "PATCH",
  ] as const)("%s is answered nowhere", async (method) => {
    for (const url of [`/balance/${A}`, "/transaction", "/admin/performance"])
      expect((await made.app.inject({ method: method as "PUT", url })).statusCode, url).toBe(404);
  });
});

describe("inventory", () => {
  it("every route stands in the OpenAPI document, but the document itself", () => {
    const routes = made.app
      .printRoutes({ commonPrefix: false, includeHooks: false })
      .split("\n")
      .filter((line) => line.includes("(GET") || line.includes("(POST"));
    expect(routes).toHaveLength(operations().length + 1);
  });

  it("every route says that it may answer 429 and 503, with when to come back; observers' routes are never limited", () => {
    for (const { path, operation } of operations()) {
      if (path.startsWith("/health") || path === "/metrics") continue;
      expect(operation.responses, path).toMatchObject({
        400: {},
        429: { headers: { "retry-after": {} } },
        503: { headers: { "retry-after": {} } },
      });
    }
  });
});
