"""Takes the steps of the plan. Slots are moved and repaired by redis-cli's own cluster tools."""

import itertools
import socket
import subprocess

from . import actions
from .connection import CA_FILE, USER, ReplyError, read_password
from .desired import Desired
from .view import State

# Moving: keys per MIGRATE call, few enough that a busy member answers others in between.
PIPELINE = "20"


class Operator:
    def __init__(self, desired: Desired, connect, say):
        self._members = {member.name: member for member in desired.members}
        self._connect = connect
        self._say = say

    def take(self, action: actions.Action, state: State) -> None:
        """Raises ReplyError, OSError or CalledProcessError; the next observation decides what to do then."""
        match action:
            case actions.Found(members):
                self._found(members, state)
            case actions.Meet(member, inside):
                self._say(f"{member} joins the cluster")
                self._meet(inside, member)
            case actions.Reset(member, hard):
                self._say(f"{member} is empty and starts afresh")
                self._ask(member, "CLUSTER", "RESET", "HARD" if hard else "SOFT")
            case actions.Forget(node, why):
                self._say(f"forgetting a node: {why}")
                self._forget([node])
            case actions.Repair():
                self._say("closing slots that an interrupted move left open")
                self._cluster_tool("fix", "--cluster-replace")
            case actions.HandOver(replica, primary, why):
                self._say(f"{replica} takes over from {primary}: {why}")
                self._ask(replica, "CLUSTER", "FAILOVER")
            case actions.Replicate(moves):
                for member, primary in moves:
                    self._say(f"{member} becomes a replica of {primary}")
                    self._ask(member, "CLUSTER", "REPLICATE", state.reports[primary].id)
            case actions.AddSlots(shares):
                for member, ranges in shares:
                    self._say(f"{member} takes the slots {' '.join(f'{a}-{b}' for a, b in ranges)}")
                    self._ask(member, "CLUSTER", "ADDSLOTSRANGE", *(end for pair in ranges for end in pair))
            case actions.Rebalance(onto, empty):
                self._say(f"moving slots: even shares for {', '.join(onto)}")
                weights = [f"{node}=0" for node in empty]
                self._cluster_tool(
                    "rebalance", "--cluster-use-empty-masters", "--cluster-replace", "--cluster-pipeline", PIPELINE,
                    *(["--cluster-weight", *weights] if weights else []),
                )
            case actions.Release(nodes):
                self._release(nodes, state)

    def _ask(self, name: str, *words: object):
        member = self._members[name]
        return self._connect(member.host, member.port, member.host).call(*words)

    def _found(self, names: tuple[str, ...], state: State) -> None:
        self._say(f"no cluster exists: founding one of {', '.join(names)}")
        # Distinct epochs from the start spare the members the sorting out of equal ones.
        for number, name in enumerate(names, start=1):
            if state.reports[name].epoch == 0:
                self._ask(name, "CLUSTER", "SET-CONFIG-EPOCH", number)
        # Every pair, so that nobody has to wait for gossip to hear of the others.
        for name, other in itertools.combinations(names, 2):
            self._meet(name, other)

    def _meet(self, inside: str, name: str) -> None:
        member = self._members[name]
        # The bus takes no names.
        address = socket.getaddrinfo(member.host, member.port, type=socket.SOCK_STREAM)[0][4][0]
        self._ask(inside, "CLUSTER", "MEET", address, member.port, member.bus_port)

    def _forget(self, nodes: list[str]) -> None:
        # All within a second: whoever still knew the node would tell the others again a minute later.
        for name in self._members:
            for node in nodes:
                try:
                    self._ask(name, "CLUSTER", "FORGET", node)
                except ReplyError as error:
                    if "Unknown node" not in str(error):
                        raise

    def _release(self, nodes: tuple[str, ...], state: State) -> None:
        names = [state.leaving[node].name for node in nodes]
        self._say(f"{', '.join(names)} drained: leaving the cluster")
        for node in nodes:
            me = state.leaving[node].me
            # The server refuses this for a primary that still holds keys: the last guard against a loss.
            connection = self._connect(me.address, me.port, me.host or me.address)
            connection.call("CLUSTER", "RESET", "HARD")
        self._forget(list(nodes))

    def _cluster_tool(self, command: str, *options: str) -> None:
        seed = next(iter(self._members.values()))
        subprocess.run(
            ["redis-cli", "--tls", "--cacert", CA_FILE, "--user", USER, "--askpass", "--no-auth-warning",
             "--cluster", command, f"{seed.host}:{seed.port}", *options],
            input=read_password() + "\n", text=True, check=True, stdout=subprocess.DEVNULL,
        )
