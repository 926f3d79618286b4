import { openStack } from "../../../ops/running-stack.ts";
import type { Comparison } from "../comparison.ts";
import { pgbench } from "../load/pgbench.ts";
import { STACK } from "../stack.ts";

/** At which one core of the generator is busy. */
const CLIENTS = 16;

export const routing: Comparison = {
  name: "p5",
  title: "HAProxy, PgBouncer and TLS, against a direct connection",
  load: `pgbench, prepared reads by primary key on 16 accounts, ${CLIENTS} clients and one; TLS on every link, on the direct one too. "router": through HAProxy alone, which passes bytes on as they are: what one hop costs that does nothing else. No writes. Without TLS the stack has no way in, so that goal is not measured.`,
  goals: [
    {
      ...{ what: `throughput of ${CLIENTS} clients through the stack / directly`, figure: "perSecond" },
      ...{ of: "stack", against: "direct", bound: { atLeast: 0.6 } },
    },
    {
      ...{ what: "p50 of one client through the stack - directly, ms", figure: "p50", by: "difference" },
      ...{ of: "stack-one", against: "direct-one", bound: { atMost: 0.3 } },
    },
  ],
  async prepare(stack) {
    const { leader } = await (await openStack(STACK)).patroni.ledView();
    return {
      variants: [
        pgbench("direct", { stack, service: leader, clients: CLIENTS }),
        pgbench("router", { stack, service: "writer", clients: CLIENTS }),
        pgbench("stack", { stack, service: "pooled-writer", clients: CLIENTS }),
        pgbench("direct-one", { stack, service: leader, clients: 1 }),
        pgbench("stack-one", { stack, service: "pooled-writer", clients: 1 }),
      ],
      stop: async () => undefined,
    };
  },
};
