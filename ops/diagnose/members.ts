import { formatValue } from "../../dashboards/units.ts";
import type { Inventory, Member } from "../inventory.ts";
import { type Finding, percent } from "./finding.ts";

/** What the kernel counts for one member, and for the machine that it runs on. */
export interface KernelFigures {
  /** Milliseconds of a clock that only goes forward. */
  readonly at: number;
  /** Bytes without what the kernel could drop; undefined where it does not tell. */
  readonly memory: number | undefined;
  /** Bytes; undefined where there is none. */
  readonly memoryLimit: number | undefined;
  /** Processes that the kernel ended for want of memory, since the start. */
  readonly outOfMemory: number;
  /** Seconds of processor since the start. */
  readonly processor: number;
  /** Periods of the processor limit since the start, and those in which more was wanted. */
  readonly periods: number;
  readonly throttled: number;
  /** Of the file system with the data; undefined where the member keeps none. */
  readonly disk: { readonly size: number; readonly free: number } | undefined;
  readonly machine: {
    /** Ticks of all processors: in all, idle, and waiting for disks. */
    readonly ticks: number;
    readonly idle: number;
    readonly waiting: number;
    /** Bytes. */
    readonly memory: number;
    readonly memoryAvailable: number;
  };
}

/** Both versions of control groups, each line with the name of its file before it. */
const READ = [
  "cd /sys/fs/cgroup",
  "for f in memory/memory.usage_in_bytes memory/memory.limit_in_bytes memory/memory.stat memory/memory.oom_control" +
    " cpu/cpu.stat cpuacct/cpuacct.usage memory.current memory.max memory.stat memory.events cpu.stat;" +
    ' do if [ -r "$f" ]; then sed "s|^|$f |" "$f"; fi; done',
  "sed -n 's|^cpu  *|machine ticks |p' /proc/stat",
  "sed 's|^|machine |' /proc/meminfo",
  'if [ -d /var/lib/dujyo ]; then df -P -B1 /var/lib/dujyo | sed -n "2s|^|df |p"; fi',
].join("\n");

/** Largest value that stands for "no limit" in version 1 is far above any machine. */
const NO_LIMIT = 2 ** 60;

/** Asks a member's kernel; undefined where the member does not answer. */
export async function readKernel(inventory: Inventory, member: Member): Promise<KernelFigures | undefined> {
  const { code, stdout } = await inventory.exec(member, ["sh", "-c", READ], 10_000);
  return code === 0 ? parseKernel(stdout, performance.now()) : undefined;
}

/** @param at milliseconds, the moment of the answer */
export function parseKernel(text: string, at: number): KernelFigures {
  const values = new Map<string, number>();
  let disk: KernelFigures["disk"];
  for (const line of text.split("\n")) {
    const [file = "", name = "", ...rest] = line.trim().split(/\s+/);
    if (file === "df") disk = { size: Number(rest[0]), free: Number(rest[2]) };
    else if (name === "ticks")
      for (const [index, ticks] of rest.entries()) values.set(`tick${index}`, +ticks);
    else if (rest.length === 0) values.set(file, Number(name));
    else values.set(`${file} ${name}`, Number(rest[0]));
  }
  const first = (...names: string[]) =>
    names.map((name) => values.get(name)).find((value) => value !== undefined);
  const usage = first("memory.current", "memory/memory.usage_in_bytes");
  const inactive = first("memory.stat inactive_file", "memory/memory.stat total_inactive_file") ?? 0;
  const limit = first("memory.max", "memory/memory.limit_in_bytes");
  const ticks = Array.from({ length: 8 }, (_, index) => values.get(`tick${index}`) ?? 0);
  return {
    at,
    memory: usage === undefined ? undefined : Math.max(0, usage - inactive),
    memoryLimit: limit !== undefined && limit < NO_LIMIT ? limit : undefined,
    outOfMemory: first("memory.events oom_kill", "memory/memory.oom_control oom_kill") ?? 0,
    processor:
      (values.get("cpu.stat usage_usec") ?? 0) / 1e6 + (values.get("cpuacct/cpuacct.usage") ?? 0) / 1e9,
    periods: first("cpu.stat nr_periods", "cpu/cpu.stat nr_periods") ?? 0,
    throttled: first("cpu.stat nr_throttled", "cpu/cpu.stat nr_throttled") ?? 0,
    disk,
    machine: {
      ticks: ticks.reduce((sum, value) => sum + value, 0),
      idle: ticks[3] ?? 0,
      waiting: ticks[4] ?? 0,
      memory: (values.get("machine MemTotal:") ?? 0) * 1024,
      memoryAvailable: (values.get("machine MemAvailable:") ?? 0) * 1024,
    },
  };
}

/** Bounds of the alerts with the same names. */
const BOUND = { throttled: 0.25, memory: 0.95, disk: 0.1, machineMemory: 0.1, busy: 0.9, waiting: 0.3 };

/** Judges a member by two answers some seconds apart. */
export function memberFindings(name: string, before: KernelFigures, after: KernelFigures): Finding[] {
  const seconds = (after.at - before.at) / 1_000;
  const cores = (after.processor - before.processor) / seconds;
  const periods = after.periods - before.periods;
  const throttled = periods > 0 ? (after.throttled - before.throttled) / periods : 0;
  const { memory, memoryLimit, disk } = after;
  const share = memory !== undefined && memoryLimit ? memory / memoryLimit : undefined;
  const killed = after.outOfMemory > before.outOfMemory;
  return [
    {
      area: "processor",
      subject: name,
      figure: `${cores.toFixed(2)} cores, throttled in ${percent(throttled)} of the time`,
      bound: `<= ${percent(BOUND.throttled)}`,
      bad: throttled > BOUND.throttled,
      near: throttled / BOUND.throttled + cores / 1_000,
      runbook: "ContainerThrottled",
    },
    ...(share === undefined || memory === undefined || memoryLimit === undefined
      ? []
      : [
          {
            area: "memory",
            subject: name,
            figure: `${formatValue(memory, "bytes")} of ${formatValue(memoryLimit, "bytes")}, ${percent(share)}`,
            bound: `<= ${percent(BOUND.memory)}`,
            bad: share > BOUND.memory,
            near: share / BOUND.memory,
            runbook: "ContainerMemoryHigh",
          },
        ]),
    ...(after.outOfMemory > 0
      ? [
          {
            area: "memory",
            subject: name,
            figure: `${after.outOfMemory} processes ended for want of memory${killed ? ", just now" : " since the start"}`,
            bound: "none now",
            bad: killed,
            runbook: "ContainerOutOfMemory",
          },
        ]
      : []),
    ...(disk
      ? [
          {
            area: "disk",
            subject: name,
            figure: `${formatValue(disk.free, "bytes")} free, ${percent(disk.free / disk.size)}`,
            bound: `>= ${percent(BOUND.disk)}`,
            bad: disk.free / disk.size < BOUND.disk,
            near: (BOUND.disk * disk.size) / Math.max(1, disk.free),
            runbook: "DiskNearlyFull",
          },
        ]
      : []),
  ];
}

/** Judges the machine, as any of its members sees it. */
export function machineFindings(before: KernelFigures, { machine }: KernelFigures): Finding[] {
  const ticks = machine.ticks - before.machine.ticks || 1;
  const waiting = (machine.waiting - before.machine.waiting) / ticks;
  const busy = 1 - (machine.idle - before.machine.idle) / ticks - waiting;
  const available = machine.memoryAvailable / machine.memory;
  const subject = "machine";
  return [
    {
      area: "processor",
      subject,
      figure: `${percent(busy)} busy`,
      bound: `<= ${percent(BOUND.busy)}`,
      bad: busy > BOUND.busy,
      runbook: "NodeCpuBusy",
    },
    {
      area: "disk",
      subject,
      figure: `processors wait for it in ${percent(waiting)} of the time`,
      bound: `<= ${percent(BOUND.waiting)}`,
      bad: waiting > BOUND.waiting,
      runbook: "EtcdSlowDisk",
    },
    {
      area: "memory",
      subject,
      figure: `${formatValue(machine.memoryAvailable, "bytes")} available, ${percent(available)}`,
      bound: `>= ${percent(BOUND.machineMemory)}`,
      bad: available < BOUND.machineMemory,
      runbook: "NodeMemoryLow",
    },
  ];
}
