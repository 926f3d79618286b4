import { pino } from "pino";
import { afterEach, describe, expect, it, vi } from "vitest";

import { createLogger, withLazyChildren } from "../../../service/src/logger.ts";
import { A, type TestApp, testApp } from "../support/test-app.ts";

describe("a logger with lazy children", () => {
  it("makes them, and theirs, when they log, with the bindings of all", () => {
    const lines: string[] = [];
    const log = createLogger({
      ...{ level: "info", instance: "x" },
      stream: { write: (line) => lines.push(line) },
    });
    const made = vi.spyOn(log, "child");
    const grandchild = withLazyChildren(log).child({ outer: 1 }).child({ inner: 2 });
    expect(made).not.toHaveBeenCalled();
    grandchild.info("said");
    grandchild.info("said again");
    // One for each of the two.
    expect(made).toHaveBeenCalledTimes(2);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ outer: 1, inner: 2, msg: "said" }),
      expect.objectContaining({ outer: 1, inner: 2, msg: "said again" }),
    ]);
  });
});

describe("the API", () => {
  let made: TestApp;
  afterEach(async () => await made.app.close());

  it("makes no logger for a request that has nothing to say", async () => {
    made = await testApp();
    await made.app.inject(`/balance/${A}`);
    // What all of pino's loggers inherit.
    const loggers = Object.getPrototypeOf(Object.getPrototypeOf(pino())) as { child(): unknown };
    const child = vi.spyOn(loggers, "child");
    try {
      await made.app.inject(`/balance/${A}`);
      expect(child).not.toHaveBeenCalled();
    } finally {
      child.mockRestore();
    }
  });
});
