import { describe, expect, it } from "vitest";

import { type PeerMessage, Peers } from "../../../service/src/cache/peers.ts";

function listen() {
  const events: string[] = [];
  const peers = new Peers({
    self: "self",
    silenceMs: 1000,
    onChanged: (accounts) => events.push(`changed ${accounts.map(([address]) => address).join()}`),
    onGap: () => events.push("gap"),
    onCrash: (name) => events.push(`crash ${name}`),
    onVouch: (name) => events.push(`vouch ${name}`),
  });
  return { peers, events };
}

const alive = (number: number, from = "b"): PeerMessage => ({ from, number, say: "alive" });

describe("what instances tell each other", () => {
  it("passes changes on", () => {
    const { peers, events } = listen();
    peers.hear({ from: "b", number: 9, say: "changed", accounts: [["A", 2]] });
    expect(events).toEqual(["changed A"]);
  });

  it("notices a lost message by its number", () => {
    const { peers, events } = listen();
    peers.hear(alive(4));
    peers.hear(alive(6));
    expect(events).toEqual(["gap"]);
  });

  it("notices that the first message of a newcomer was lost", () => {
    const { peers, events } = listen();
    peers.hear(alive(7, "c"), 0);
    peers.hear(alive(2, "b"), 5000);
    expect(events).toEqual(["gap"]);
  });

  it("takes silence for a crash, and a goodbye for none", () => {
    const { peers, events } = listen();
    const now = Date.now();
    peers.hear(alive(1, "b"), now);
    peers.hear(alive(1, "c"), now);
    peers.hear({ from: "c", number: 2, say: "bye" }, now);
    peers.check(now + 1001);
    expect(events).toEqual(["crash b"]);
  });
});
