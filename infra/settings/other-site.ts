import { z } from "zod";
import { network, section, whole } from "./kinds.ts";

const host = z
  .string()
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?)?$/, {
    error: (issue) => `is ${JSON.stringify(issue.input)}; use a host name or an IPv4 address`,
  })
  .default("");

/** The second site of the same database. Both sites name each other, whichever of them leads. */
export const otherSite = section({
  host: host.describe(
    "Name under which the other site's writer endpoint is reached; empty: there is no other site.",
  ),
  port: whole(1, 65_535, 5_000).describe("Port of that endpoint."),
  knownAs: host.describe(
    "Name under which the other site reaches this one's writer endpoint: the members' certificates bear it.",
  ),
  network: network("0.0.0.0/0").describe(
    "Addresses of the other site, of its pods as well as of its endpoint: let in at this one's writer endpoint, and reached from PostgreSQL.",
  ),
});
