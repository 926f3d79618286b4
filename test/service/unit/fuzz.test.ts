import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { A, type TestApp, TRANSFER, testApp } from "../support/test-app.ts";

/** Texts that clients choose freely, against the whole app. What fails is printed with the seed that repeats it. */

const RUNS = 400;

let made: TestApp;
let valid: string;
beforeAll(async () => {
  made = await testApp();
  valid = (await made.bearer(A)).authorization.slice("Bearer ".length);
});
afterAll(async () => await made.app.close());

/** Anything that a header's value may be. */
const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
});

/** Almost what is expected: a valid text with some of it replaced, left out or repeated. */
const mutated = (text: string) =>
  fc
    .tuple(fc.nat(text.length), fc.nat(8), headerText)
    .map(([at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));

async function expectAnswer(
  answer: Promise<{ statusCode: number; headers: object; body: string }>,
  allowed: number[],
) {
  const { statusCode, headers, body } = await answer;
  expect(allowed).toContain(statusCode);
  if (statusCode < 400) return;
  expect(headers).toMatchObject({ "content-type": expect.stringMatching(/^application\/problem\+json/) });
  expect(JSON.parse(body)).toMatchObject({ status: statusCode });
}

describe("whatever text is sent, the answer is one that the document knows", () => {
  it("as cursor", async () => {
    const cursor = fc.oneof(
      fc.string(),
      fc.bigInt().map(String),
      mutated("123456789"),
      fc.constantFrom("0", "-0", "1e3", "٣"),
    );
    const page = fc.record({
      path: fc.constantFrom(`/transactions/${A}`, "/blocks"),
      name: fc.constantFrom("before", "after", "limit"),
      cursor,
    });
    await fc.assert(
      fc.asyncProperty(page, async ({ path, name, cursor }) => {
        const query = new URLSearchParams({ [name]: cursor.toWellFormed() });
        await expectAnswer(made.app.inject(`${path}?${query}`), [200, 400]);
      }),
      { numRuns: RUNS },
    );
  });

  it("as a part of the path", async () => {
    const path = fc.constantFrom(
      "/balance/",
      "/balance-detail/",
      "/transactions/",
      "/transactions/hash/",
      "/pool/",
    );
    const segment = fc.oneof(
      fc.string().map((text) => encodeURIComponent(text.toWellFormed())),
      fc.webPath(),
      headerText.map((t) => t.replaceAll(/[#?\s]/g, "%")),
    );
    await fc.assert(
      fc.asyncProperty(path, segment, async (prefix, text) => {
        await expectAnswer(
          made.app.inject({ url: prefix + text.replaceAll(/[^\x21-\x7e]/g, "%FF") }),
          [200, 400, 404],
        );
      }),
      { numRuns: RUNS },
    );
  });

  it("as token of what was read", async () => {
    const token = fc.oneof(headerText, mutated(`0/16B3748;${A}=5`), mutated("FFFFFFFF/FFFFFFFF"));
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        await expectAnswer(
          made.app.inject({ url: `/balance/${A}`, headers: { "x-read-after": text } }),
          [200, 400],
        );
      }),
      { numRuns: RUNS },
    );
  });

  it("as bearer token: only the one that was signed opens anything", async () => {
    const claims = fc.record({
      alg: fc.constantFrom("none", "HS256", "EdDSA", "RS256", ""),
      kid: fc.constantFrom("k", "", "x"),
    });
    const forged = claims.map((head) => {
      const [, body] = valid.split(".");
      return `${Buffer.from(JSON.stringify(head)).toString("base64url")}.${body}.AAAA`;
    });
    const token = fc.oneof(headerText, mutated(valid), forged);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("Bearer ", "bearer ", "Basic ", ""), token, async (kind, text) => {
        // The last character of a signature has bits to spare: another one may stand for the same bytes.
        const parts = text.split(".").map((part) => Buffer.from(part, "base64url").toString("base64url"));
        fc.pre(parts.join(".") !== valid);
        const headers = { authorization: kind + text, "idempotency-key": "k" };
        await expectAnswer(
          made.app.inject({ method: "POST", url: "/transaction", headers, payload: TRANSFER }),
          [401],
        );
      }),
      { numRuns: RUNS },
    );
  });

  it("as negotiation headers", async () => {
    const names = fc.constantFrom(
      "accept",
      "accept-encoding",
      "accept-language",
      "if-none-match",
      "range",
      "x-request-id",
      "x-forwarded-for",
      "expect",
      "origin",
    );
    const value = fc.oneof(
      headerText,
      mutated("text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
      mutated('W/"1-0-x"'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(`/balance/${A}`, "/health/live", "/openapi.json"),
        fc.dictionary(names, value),
        async (url, headers) => {
          await expectAnswer(made.app.inject({ url, headers }), [200, 304]);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("as body and its type", async () => {
    const type = fc.oneof(
      fc.constantFrom("application/json", "application/json; charset=utf-16", "text/plain", ""),
      headerText,
    );
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      mutated(JSON.stringify(TRANSFER)),
      fc.constantFrom('{"__proto__":{"from":1}}', '{"constructor":{"prototype":1}}'),
    );
    await fc.assert(
      fc.asyncProperty(type, body, async (contentType, payload) => {
        const headers = {
          authorization: `Bearer ${valid}`,
          "idempotency-key": "k",
          "content-type": contentType,
        };
        await expectAnswer(
          made.app.inject({ method: "POST", url: "/transaction", headers, payload }),
          [200, 400, 403, 415],
        );
      }),
      { numRuns: RUNS },
    );
  });
});
