import type { Answer, Check } from "../check.ts";
import { programImage, withForeignContainer } from "../foreign-container.ts";
import { type AskFrom, withForeignNetwork } from "../foreign-network.ts";
import { type Listener, listeners, publishedAt } from "../listeners.ts";

/** Of a network for examples, which nobody has and no stack admits. */
const STRANGER = "198.51.100.4";

/** Whether an answer lets a client go on: PostgreSQL's question for a password, but not its error. */
export function serves(answer: Buffer, { opening }: Pick<Listener, "opening">): boolean {
  return opening === "postgres" ? answer.toString("latin1", 0, 1) === "R" : answer.length > 0;
}

/** Offences of ports that serve a client of a foreign network. */
export async function servesStrangers(
  places: readonly Listener[],
  ask: AskFrom,
  who = "a neighbour that no setting admits",
): Promise<Answer> {
  const answers = await ask(places);
  const offences = places
    .filter((place, index) => serves(answers[index] ?? Buffer.of(), place))
    .map(({ member, port }) => `${member}:${port} serves a client of a foreign network`);
  return {
    asked: places.length,
    offences,
    evidence: `${places.length} ports: ${who}`,
  };
}

export const ADDRESSES: readonly Check[] = [
  {
    id: "addresses/stranger",
    title: "No port serves a client of a foreign network",
    ask: (scene) => withForeignNetwork(STRANGER, (ask) => servesStrangers(listeners(scene), ask)),
  },
  {
    id: "addresses/container",
    title: "No port serves a container of another network of the same engine",
    ask: ({ containers }) =>
      withForeignContainer(programImage(containers), (ask, machine) => {
        const places = listeners({ containers });
        return servesStrangers(
          [...places, ...publishedAt(machine, places, containers)],
          ask,
          "a container of another network, at the members' own addresses and at the machine's",
        );
      }),
  },
];
