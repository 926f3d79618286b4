/** A process inside a member. `main` is the one that the member is for. */
export type ProcessName = "main" | "postmaster" | "patroni";

export type Signal = "KILL" | "STOP" | "CONT";

/** Prints the number of a process in the member; runs inside of it. The members' images have no program that does. */
const FIND: Record<ProcessName, string> = {
  postmaster: "head -n 1 /var/lib/dujyo/pgdata/postmaster.pid",
  patroni: "grep -l 'member_patroni.py' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | sort -n | head -n 1",
  // The first process is the init, which lets its child's end be its own.
  main: "grep -l 'PPid:.1$' /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3 | sort -n | head -n 1",
};

/** A command, to be run inside a member, that sends a signal to one of its processes. */
export function signalCommand(process: ProcessName, signal: Signal): readonly string[] {
  return ["sh", "-c", `kill -s ${signal} "$(${FIND[process]})"`];
}

/** As {@link signalCommand}, to all processes of the member but its init. */
export function signalAllCommand(signal: Signal): readonly string[] {
  return ["sh", "-c", `kill -s ${signal} -1`];
}
