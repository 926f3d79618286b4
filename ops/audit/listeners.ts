import { readFileSync } from "node:fs";
import { PORTS } from "../../infra/ports.ts";
import { CanNotAsk } from "./check.ts";
import type { Opening, Place } from "./probe.ts";
import { addressOf, type Container, memberOf, type Scene } from "./scene.ts";

/** A port on which a member listens to its network. */
export interface Listener extends Place {
  readonly member: string;
  readonly opening: Opening;
  /** Whether it wants a certificate of its trust domain from everyone. */
  readonly mutual: boolean;
}

const POSTGRES: ReadonlySet<number> = new Set([PORTS.postgres, PORTS.writer, PORTS.reader, PORTS.pgbouncer]);
/** Pages for a browser on the machine itself. */
const PAGES: ReadonlySet<string> = new Set([
  "gateway:8083",
  "prometheus-0:9090",
  "alertmanager-0:9093",
  "grafana:3000",
  "grafana-0:3000",
]);
const MUTUAL: ReadonlySet<number> = new Set([
  PORTS.etcdClient,
  PORTS.etcdPeer,
  PORTS.haproxyMetrics,
  PORTS.postgresExporter,
  PORTS.pgbouncerExporter,
  PORTS.redisExporter,
  PORTS.nodeExporter,
  PORTS.pgbackrest,
  PORTS.backupFigures,
]);

/** Ports, beyond loopback, in a table of the kernel as `/proc/net/tcp` and `tcp6` show it. */
export function listeningPorts(table: string): number[] {
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  const ports = rows.flatMap(([, local = "", , state]) => {
    const [address = "", port = ""] = local.split(":");
    // State 0A listens. Addresses are little-endian: 0100007F is 127.0.0.1.
    return state === "0A" && !/7F$/.test(address.slice(0, 8)) ? [Number.parseInt(port, 16)] : [];
  });
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** All ports of all members, as the kernel knows them. @throws CanNotAsk where the kernel is another machine's */
export function listeners({ containers }: Pick<Scene, "containers">): Listener[] {
  return containers.flatMap((container) => portsOf(container).map((port) => listener(container, port)));
}

/** Those of `places` that are published, under an address of the machine instead of their own. */
export function publishedAt(
  host: string,
  places: readonly Listener[],
  containers: readonly Container[],
): Listener[] {
  const published = new Map(
    containers.map((container) => [memberOf(container), container.NetworkSettings.Ports] as const),
  );
  return places.flatMap((place) => {
    const [binding] = published.get(place.member)?.[`${place.port}/tcp`] ?? [];
    return binding === undefined ? [] : [{ ...place, host, port: Number(binding.HostPort) }];
  });
}

/** How a port of a member speaks TLS, where it does. */
export function openingOf(port: number): Exclude<Opening, "http"> {
  return POSTGRES.has(port) ? "postgres" : "tls";
}

function listener(container: Container, port: number): Listener {
  const bus = port - PORTS.redisBusDistance >= PORTS.redis;
  const member = memberOf(container);
  return {
    member,
    host: addressOf(container),
    port,
    opening: PAGES.has(`${member}:${port}`) ? "http" : openingOf(port),
    mutual: bus || MUTUAL.has(port),
  };
}

function portsOf({ State }: Container): number[] {
  try {
    return listeningPorts(
      ["tcp", "tcp6"].map((name) => readFileSync(`/proc/${State.Pid}/net/${name}`, "utf8")).join("\n"),
    );
  } catch {
    throw new CanNotAsk("the containers' sockets are not in this machine's /proc: the engine runs elsewhere");
  }
}
