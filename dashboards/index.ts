import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { api } from "./api.ts";
import { capacity } from "./capacity.ts";
import { overview } from "./overview.ts";
import { pooling } from "./pooling.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";

/** All dashboards, in the order in which they are linked. */
export const DASHBOARDS: readonly Dashboard[] = [overview, postgres, pooling, redis, api, capacity];

/** The file that Grafana reads. */
export function toJson(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}
