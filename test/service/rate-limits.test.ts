import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { stack } from "./stack.ts";
import { ApiProcess } from "./support/api-process.ts";

/** Requests a second; a hundred and fifty in one window of ten seconds. */
const RATE = 15;

describe.skipIf(!stack)("the limit of a network address, over two processes", () => {
  let a: ApiProcess;
  let b: ApiProcess;
  beforeAll(async () => {
    if (!stack) return;
    const limits = { RATE_LIMIT_ADDRESS: String(RATE) };
    [a, b] = await Promise.all([
      ApiProcess.start("limited-a", limits),
      ApiProcess.start("limited-b", limits),
    ]);
  });
  afterAll(async () => await Promise.all([a?.stop(), b?.stop()]));

  it("is reached at both by what one of them let through, and told with Retry-After", async () => {
    const through = async (api: ApiProcess) => (await api.get("/stats")).status === 200;
    await expect
      .poll(
        async () => {
          // As much as the first lets through; the second hears of it when it has told of some of its own.
          while (await through(a));
          for (let request = 0; request < RATE; request++) await through(b);
          return (await b.get("/stats")).status;
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe(429);
    const refused = await b.get("/stats");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    const text = await (await fetch(`${b.url}/metrics`, { headers: { accept: "text/plain" } })).text();
    const own = Number(/^dujyo_api_http_responses_total\{status="2xx"\} (\d+)$/m.exec(text)?.[1]);
    // By itself it would have let through ten seconds' worth.
    expect(own).toBeLessThan(RATE * 10);
  });
});
