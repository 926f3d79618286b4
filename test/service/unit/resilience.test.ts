import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { certainlyUndone, nodeFailed } from "../../../service/src/database/failures.ts";
import { BreakerOpenError, createBreaker } from "../../../service/src/resilience/circuit-breaker.ts";
import { retry } from "../../../service/src/resilience/retry.ts";

const fail = (): Promise<never> => Promise.reject(new Error("down"));

/** A breaker whose probe does what the test wants. */
function create(openMs: number, probe: () => Promise<unknown> = fail, counts = () => true) {
  return createBreaker({ name: "test", failures: 5, openMs, probe, counts });
}

async function opened(openMs: number, probe?: () => Promise<unknown>) {
  const breaker = create(openMs, probe);
  for (let at = 0; at < 5; at++) await breaker.run(fail).catch(() => undefined);
  return breaker;
}

describe("a breaker", () => {
  it("opens after five failures in a row, not before", async () => {
    const breaker = create(1000);
    for (let at = 0; at < 4; at++) await breaker.run(fail).catch(() => undefined);
    await breaker.run(async () => "well");
    for (let at = 0; at < 4; at++) await breaker.run(fail).catch(() => undefined);
    expect(breaker.state).toBe("closed");
    await breaker.run(fail).catch(() => undefined);
    expect(breaker.state).toBe("open");
  });

  it("calls nothing while it is open", async () => {
    const breaker = await opened(1000);
    let calls = 0;
    const call = breaker.run(async () => calls++);
    await expect(call).rejects.toThrow(BreakerOpenError);
    expect(calls).toBe(0);
  });

  it("closes without a call once its probe succeeds", async () => {
    const breaker = await opened(20, async () => "well");
    await expect.poll(() => breaker.state, { interval: 5 }).toBe("closed");
    expect(await breaker.run(async () => "call")).toBe("call");
  });

  it("has one probe at a time, and sends calls away meanwhile", async () => {
    let end: (value: string) => void = () => undefined;
    let probes = 0;
    const breaker = await opened(20, () => {
      probes++;
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    await expect.poll(() => breaker.state, { interval: 5 }).toBe("half-open");
    await expect(breaker.run(async () => "call")).rejects.toThrow(BreakerOpenError);
    await pause(50);
    expect(probes).toBe(1);
    end("well");
    await expect.poll(() => breaker.state, { interval: 5 }).toBe("closed");
  });

  it("probes again and again while the probe fails, whatever it fails with", async () => {
    let probes = 0;
    const breaker = create(
      10,
      () => (++probes < 3 ? fail() : Promise.resolve()),
      () => probes === 0,
    );
    for (let at = 0; at < 5; at++) await breaker.run(fail).catch(() => undefined);
    await expect.poll(() => breaker.state, { interval: 5 }).toBe("closed");
    expect(probes).toBe(3);
  });

  it("probes at once where somebody suggests it, again while that fails, and closes", async () => {
    let probes = 0;
    const breaker = await opened(60_000, async () => {
      if (++probes === 1) await fail();
    });
    breaker.suggest();
    breaker.suggest();
    await pause(5);
    expect([probes, breaker.state]).toEqual([1, "open"]);
    await expect.poll(() => breaker.state, { interval: 5, timeout: 2000 }).toBe("closed");
    expect(await breaker.run(async () => "call")).toBe("call");
    breaker.suggest();
    expect(probes).toBe(2);
  });

  it("opens and probes as ever after it was closed by a suggestion", async () => {
    let well = true;
    const breaker = await opened(30, async () => (well ? undefined : fail()));
    breaker.suggest();
    await expect.poll(() => breaker.state, { interval: 5 }).toBe("closed");
    well = false;
    for (let at = 0; at < 5; at++) await breaker.run(fail).catch(() => undefined);
    expect(breaker.state).toBe("open");
    well = true;
    await expect.poll(() => breaker.state, { interval: 5 }).toBe("closed");
  });

  it("probes no more once it is abandoned", async () => {
    let probes = 0;
    const breaker = await opened(10, async () => probes++);
    breaker.abandon();
    await pause(50);
    expect([probes, breaker.state]).toEqual([0, "open"]);
  });
});

describe("a retry", () => {
  it("is bounded", async () => {
    let calls = 0;
    const call = retry(
      () => {
        calls++;
        return fail();
      },
      { retries: 2, when: () => true, baseMs: 1 },
    );
    await expect(call).rejects.toThrow("down");
    expect(calls).toBe(3);
  });

  it("does not repeat what a repeat can not cure", async () => {
    let calls = 0;
    const call = retry(
      () => {
        calls++;
        return fail();
      },
      { retries: 2, when: () => false, baseMs: 1 },
    );
    await expect(call).rejects.toThrow("down");
    expect(calls).toBe(1);
  });
});

describe("a database error", () => {
  const withCode = (code: string): Error => Object.assign(new Error("x"), { code });

  it("tells a refused statement from a failed node", () => {
    expect(nodeFailed(withCode("DJ001"))).toBe(false);
    expect(nodeFailed(withCode("23505"))).toBe(false);
    expect(nodeFailed(withCode("08006"))).toBe(true);
    expect(nodeFailed(withCode("57P01"))).toBe(true);
    expect(nodeFailed(withCode("ECONNRESET"))).toBe(true);
  });

  it("leaves a commit open only where the server could not say", () => {
    expect(certainlyUndone(withCode("DJ001"))).toBe(true);
    expect(certainlyUndone(withCode("40001"))).toBe(true);
    expect(certainlyUndone(withCode("57P01"))).toBe(false);
    expect(certainlyUndone(withCode("ECONNRESET"))).toBe(false);
  });
});
