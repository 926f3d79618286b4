import { PORTS } from "../../../infra/ports.ts";
import type { Answer, Check } from "../check.ts";
import { type Listener, listeners } from "../listeners.ts";
import { shakeHands } from "../probe.ts";

/** Everything that changes something, with a body that nobody can act on. */
const CHANGES = [
  "PATCH /config",
  "PUT /config",
  "POST /restart",
  "POST /reload",
  "POST /switchover",
  "POST /failover",
  "POST /reinitialize",
  "DELETE /restart",
  "DELETE /switchover",
];
const BODY = "x";

/** What a status says of a change that an unknown client asked for: only a refusal for want of rights will do. */
export function judgeStatuses(
  statuses: readonly { readonly what: string; readonly status: number | undefined }[],
): Answer {
  const offences = statuses
    .filter(({ status }) => status !== 401 && status !== 403)
    .map(({ what, status }) => `${what} without a certificate is answered with ${status ?? "nothing"}`);
  return {
    asked: statuses.length,
    offences,
    evidence: `${statuses.length} changes asked for without a certificate`,
  };
}

async function ask(place: Listener, change: string): Promise<number | undefined> {
  const request = `${change} HTTP/1.0\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
  const result = await shakeHands(place, "tls", { rejectUnauthorized: false }, Buffer.from(request));
  const status = result.done
    ? /^HTTP\/1\.[01] (\d{3})/.exec(result.answer.toString("latin1"))?.[1]
    : undefined;
  return status === undefined ? undefined : Number(status);
}

export const CONTROL_PLANE: readonly Check[] = [
  {
    id: "identities/patroni",
    title: "Patroni changes nothing for a client without a certificate",
    ask: async (scene) => {
      const places = listeners(scene).filter(({ port }) => port === PORTS.patroni);
      const statuses: { what: string; status: number | undefined }[] = [];
      for (const place of places)
        for (const change of CHANGES)
          statuses.push({ what: `${place.member}: ${change}`, status: await ask(place, change) });
      return judgeStatuses(statuses);
    },
  },
];
