import { Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";

import { batchWrites } from "../../../service/src/cache/batched-writes.ts";

describe("batched writes", () => {
  it("send what is written in one turn in one piece, in its order, and what comes later apart", async () => {
    const sent: string[][] = [];
    const stream = new Writable({
      decodeStrings: false,
      writev: (chunks, done) => {
        sent.push(chunks.map(({ chunk }) => String(chunk)));
        done();
      },
    });
    batchWrites(stream);
    stream.write("a");
    await Promise.resolve().then(() => stream.write("b"));
    expect(sent).toEqual([]);
    await turn();
    expect(sent).toEqual([["a", "b"]]);
    stream.write("c");
    await turn();
    expect(sent).toEqual([["a", "b"], ["c"]]);
  });

  it("do not mind a connection that breaks meanwhile", async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    stream.on("error", () => undefined);
    batchWrites(stream);
    stream.write("a");
    stream.destroy();
    await turn();
    expect(stream.destroyed).toBe(true);
  });
});
