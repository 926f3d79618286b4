import { expect, it } from "vitest";

import { Gathered } from "../../../service/src/resilience/gathered.ts";

it("runs one batch at a time, of all that came meanwhile, and tells each caller how its own ended", async () => {
  const batches: { items: readonly string[]; end: (error?: Error) => void }[] = [];
  const gathered = new Gathered<string>(
    (items) =>
      new Promise((resolve, reject) => {
        batches.push({ items, end: (error) => (error ? reject(error) : resolve()) });
      }),
  );
  const turn = () => new Promise(setImmediate);
  const first = gathered.add(["a"]);
  await turn();
  const second = [gathered.add(["b"]), gathered.add(["c", "d"])];
  await turn();
  expect(batches.map(({ items }) => items)).toEqual([["a"]]);
  batches[0]?.end(new Error("lost"));
  await expect(first).rejects.toThrow("lost");
  await turn();
  expect(batches.map(({ items }) => items)).toEqual([["a"], ["b", "c", "d"]]);
  const third = gathered.add(["e"]);
  batches[1]?.end();
  await Promise.all(second);
  await turn();
  batches[2]?.end();
  await third;
  expect(batches[2]?.items).toEqual(["e"]);
});
