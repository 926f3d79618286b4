import { Coherence } from "../../../service/src/cache/coherence.ts";
import { Floors } from "../../../service/src/cache/floors.ts";
import { L1Cache } from "../../../service/src/cache/l1.ts";
import { type Loaded, type Origin, ReadThrough } from "../../../service/src/cache/read-through.ts";
import { Trust } from "../../../service/src/cache/trust.ts";
import type { FakeShared } from "./fake-shared.ts";

/** The caches of one process: its own memory, over the given shared cache, its one session proved. */
export function createProcess(shared: FakeShared, holder: string, floorsLimit = 1000) {
  const trust = new Trust(2000, ["listen"], Date.now() - 1000);
  const floors = new Floors(60_000, floorsLimit);
  const l1 = new L1Cache(1_000_000);
  const origins: Origin[] = [];
  const errors: unknown[] = [];
  const coherence = new Coherence({
    ...{ l1, floors, trust, shared, markerMs: 10_000 },
    onError: (error) => errors.push(error),
  });
  const cache = new ReadThrough({
    ...{ l1, shared, trust, floors, holder },
    jitter: 0,
    staleIfErrorMs: 60_000,
    leaseMs: 1000,
    waitMs: 100,
    count: (origin) => origins.push(origin),
    onCacheError: () => undefined,
  });
  trust.prove("listen", Date.now());
  return { trust, floors, l1, origins, errors, coherence, cache };
}

/** An answer of a node. */
export function content(version: number, from: Loaded["from"] = "replica", ageMs = 0): Loaded {
  const body = `balance at version ${version}`;
  return { kind: "value", version, second: 0, readAt: Date.now() - ageMs, wrongAtTip: 0, body, from };
}
