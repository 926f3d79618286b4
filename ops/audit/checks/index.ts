import { ERASE } from "../../users/accounts.ts";
import type { Check } from "../check.ts";
import { ADDRESSES } from "./addresses.ts";
import { AUDIT_TRAIL } from "./audit-trail.ts";
import { BACKUPS } from "./backups.ts";
import { CANARIES } from "./canaries.ts";
import { CIS_DOCKER } from "./cis-docker.ts";
import { CIS_POSTGRES } from "./cis-postgres.ts";
import { CONTROL_PLANE } from "./control-plane.ts";
import { LINKS } from "./links.ts";
import { personalData } from "./personal-data.ts";
import { POOLER } from "./pooler.ts";
import { REDIS } from "./redis-rights.ts";
import { SECRETS } from "./secrets.ts";
import { SQL_RIGHTS } from "./sql-rights.ts";

/** All checks, in the order of the report. */
export const CHECKS: readonly Check[] = [
  ...LINKS,
  ...CANARIES,
  ...ADDRESSES,
  ...SQL_RIGHTS,
  ...POOLER,
  ...CONTROL_PLANE,
  ...REDIS,
  ...SECRETS,
  ...personalData(ERASE),
  ...BACKUPS,
  ...AUDIT_TRAIL,
  ...CIS_POSTGRES,
  ...CIS_DOCKER,
];
