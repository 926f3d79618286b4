import { z } from "zod";

/** How urgent an alert is. `page` wakes a person, `ticket` waits for the working day, `info` is for whoever looks. */
export const SEVERITIES = ["page", "ticket", "info"] as const;

/** Name of the heartbeat's secret and receiver; no other receiver may have it. */
export const HEARTBEAT = "heartbeat";

const text = (what: string) =>
  z
    .string({ error: (issue) => `is ${JSON.stringify(issue.input)}; write ${what}` })
    .min(1, { error: `is empty; write ${what}` });

const address = text("an e-mail address").regex(/^[^\s@]+@[^\s@]+$/, {
  error: (issue) =>
    `is ${JSON.stringify(issue.input)}, which is no e-mail address; write one such as "oncall@example.com"`,
});

const receiverBase = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, {
    error: (issue) =>
      `is ${JSON.stringify(issue.input)}; use lower-case letters, digits and dashes, a letter first`,
  }),
  severities: z
    .array(
      z.enum(SEVERITIES, {
        error: (issue) =>
          `is ${JSON.stringify(issue.input)}, which is no severity; use ${SEVERITIES.join(", ")}`,
      }),
    )
    .min(1, { error: `is empty; name at least one of ${SEVERITIES.join(", ")}` })
    .default(["page"]),
};

/** Who is told about alerts; the secret of each stands in `receiverSecrets` under its name. */
export const receiver = z.discriminatedUnion(
  "type",
  [
    z.strictObject({
      ...receiverBase,
      type: z.literal("email"),
      to: address,
      from: address,
      smarthost: text('the mail server as "host:port"').regex(/^[^\s:]+:\d{1,5}$/, {
        error: (issue) =>
          `is ${JSON.stringify(issue.input)}; write the mail server as "host:port", for example "mail.example.com:587"`,
      }),
      username: text("the mail server's user"),
    }),
    z.strictObject({ ...receiverBase, type: z.literal("slack"), channel: text("a channel").optional() }),
    z.strictObject({
      ...receiverBase,
      type: z.literal("pagerduty"),
      url: text("the address of a compatible service").optional(),
    }),
  ],
  { error: "has no known type; use email, slack or pagerduty" },
);
