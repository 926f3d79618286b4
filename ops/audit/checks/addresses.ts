import type { Answer, Check } from "../check.ts";
import { type AskFrom, withForeignNetwork } from "../foreign-network.ts";
import { type Listener, listeners } from "../listeners.ts";

/** Of a network for examples, which nobody has and no stack admits. */
const STRANGER = "198.51.100.4";

/** Whether an answer lets a client go on: PostgreSQL's question for a password, but not its error. */
export function serves(answer: Buffer, { opening }: Pick<Listener, "opening">): boolean {
  return opening === "postgres" ? answer.toString("latin1", 0, 1) === "R" : answer.length > 0;
}

/** Offences of ports that serve a client of a foreign network. */
export async function servesStrangers(places: readonly Listener[], ask: AskFrom): Promise<Answer> {
  const answers = await ask(places);
  const offences = places
    .filter((place, index) => serves(answers[index] ?? Buffer.of(), place))
    .map(({ member, port }) => `${member}:${port} serves a client of a foreign network`);
  return {
    asked: places.length,
    offences,
    evidence: `${places.length} ports: a neighbour that no setting admits`,
  };
}

export const ADDRESSES: readonly Check[] = [
  {
    id: "addresses/stranger",
    title: "No port serves a client of a foreign network",
    ask: (scene) => withForeignNetwork(STRANGER, (ask) => servesStrangers(listeners(scene), ask)),
  },
];
