import { PORTS } from "../../infra/ports.ts";
import { stackSettings } from "../../tools/stack/settings.ts";

/** Where a stack's pages are on this machine. */
export interface MonitoringAddresses {
  readonly prometheus: string;
  readonly alertmanager: string;
  readonly api: string;
}

/** Loopback addresses by the stack's settings; each may be replaced by one that is given, a forwarded port for example. */
export function monitoringAddresses(
  stack: string,
  given: Partial<Record<keyof MonitoringAddresses, string | undefined>> = {},
): MonitoringAddresses {
  const { portOffset } = stackSettings(stack);
  const at = (part: keyof MonitoringAddresses) =>
    given[part] ?? `http://127.0.0.1:${PORTS[part] + portOffset}`;
  return { prometheus: at("prometheus"), alertmanager: at("alertmanager"), api: at("api") };
}
