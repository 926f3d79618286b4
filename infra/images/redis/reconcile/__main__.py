"""The job: observe, take one step, observe again, until the cluster is as declared.

Exit 0: it is. Exit 1: not by the deadline, the last reason is printed. Exit 2: a person has to decide.
"""

import argparse
import socket
import subprocess
import sys
import time

from .actions import Action, Done, Wait
from .carry_out import Operator
from .connection import Connection, ReplyError
from .desired import Member, Refusal, read_desired
from .plan import next_leaving_step, next_step
from .view import State, observe

POLL_SECONDS = 0.3
# Members that are there and say nothing are on their way up; for longer than this they are what a change is to mend.
START_SECONDS = 30


class Connections:
    """Keeps one connection to each member; a broken one is made anew."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], Connection] = {}

    def to(self, address: str, port: int, server_name: str) -> Connection:
        key = (address, port)
        if key in self._open:
            try:
                self._open[key].call("PING")
            except (OSError, ReplyError):
                self._open.pop(key).close()
        if key not in self._open:
            self._open[key] = Connection(address, port, server_name)
        return self._open[key]


def exists(member: Member) -> bool:
    try:
        return bool(socket.getaddrinfo(member.host, member.port))
    except OSError:
        return False


def say(text: str) -> None:
    print(f"cluster-reconcile: {text}", flush=True)


def summary(state: State) -> None:
    for report in state.reports.values():
        if report.is_primary:
            replicas = [r.name for r in state.reports.values() if r.me.primary == report.id]
            say(f"{report.name}: {len(report.me.slots)} slots, replicas {', '.join(replicas) or 'none'}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="cluster-reconcile", description="Brings the Redis Cluster to what is declared.")
    parser.add_argument("--config", default="/etc/dujyo/cluster.json", help="the declaration (default: %(default)s)")
    parser.add_argument(
        "--leaving-only", action="store_true", help="before members are deleted: only let those go that are not declared"
    )
    parser.add_argument("--deadline", type=float, default=900, help="seconds (default: %(default)s)")
    options = parser.parse_args()
    deadline = time.monotonic() + options.deadline
    patient = time.monotonic() + START_SECONDS
    connections = Connections()
    decide = next_leaving_step if options.leaving_only else next_step
    try:
        desired = read_desired(options.config)
        operator = Operator(desired, connections.to, say)
        reason = ""
        while time.monotonic() < deadline:
            state = observe(desired, connections.to)
            if options.leaving_only and not state.reports and time.monotonic() < patient and any(map(exists, desired.members)):
                time.sleep(POLL_SECONDS)
                continue
            action: Action = decide(desired, state)
            if isinstance(action, Done):
                summary(state)
                say("nobody is left to leave" if options.leaving_only else "the cluster is as declared")
                return 0
            if isinstance(action, Wait):
                if action.reason != reason:
                    reason = action.reason
                    say(f"waiting: {reason}")
            else:
                try:
                    operator.take(action, state)
                except (OSError, ReplyError, subprocess.CalledProcessError) as error:
                    reason = f"{action} failed: {error}"
                    say(reason)
            time.sleep(POLL_SECONDS)
        say(f"not as declared after {options.deadline:g} s; last: {reason}")
        return 1
    except Refusal as refusal:
        say(f"refused: {refusal}")
        return 2


sys.exit(main())
