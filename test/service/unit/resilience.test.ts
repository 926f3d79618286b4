import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { certainlyUndone, nodeFailed } from "../../../service/src/database/failures.ts";
import { BreakerOpenError, createBreaker } from "../../../service/src/resilience/circuit-breaker.ts";
import { retry } from "../../../service/src/resilience/retry.ts";

const fail = (): Promise<never> => Promise.reject(new Error("down"));

async function opened(openMs: number) {
  const breaker = createBreaker({ name: "test", failures: 5, openMs });
  for (let at = 0; at < 5; at++) await breaker.run(fail).catch(() => undefined);
  return breaker;
}

describe("a breaker", () => {
  it("opens after five failures in a row, not before", async () => {
    const breaker = createBreaker({ name: "test", failures: 5, openMs: 1000 });
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

  it("lets one probe through, sends others away meanwhile, and closes when it succeeds", async () => {
    const breaker = await opened(20);
    await pause(30);
    const probe = breaker.run(() => pause(20, "well"));
    await expect(breaker.run(async () => "other")).rejects.toThrow(BreakerOpenError);
    expect(await probe).toBe("well");
    expect(breaker.state).toBe("closed");
  });

  it("opens again when the probe fails", async () => {
    const breaker = await opened(20);
    await pause(30);
    await breaker.run(fail).catch(() => undefined);
    expect(breaker.state).toBe("open");
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
