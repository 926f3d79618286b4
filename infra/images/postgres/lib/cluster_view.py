"""What Patroni's /cluster says, and what is missing from a whole cluster."""

import json
import os

STANDBY_ROLES = ("quorum_standby", "sync_standby")
LEADER_ROLES = ("leader", "standby_leader")
# One that follows another site leads its own members whether that site answers or not.
LEADING_STATES = {"leader": ("running",), "standby_leader": ("running", "streaming", "in archive recovery")}
DYNAMIC_CACHE = "patroni.dynamic.json"


def dynamic_cache(data_directory):
    """The shared configuration as this member last saw it; empty before it has seen any."""
    try:
        with open(os.path.join(data_directory, DYNAMIC_CACHE), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def demanded_standbys(dynamic):
    """How many synchronous replicas the shared configuration asks for; 0 when replication is asynchronous."""
    if "standby_cluster" in dynamic:
        return 0
    mode = dynamic.get("synchronous_mode")
    if mode in (None, False, "off", "false", "no"):
        return 0
    return int(dynamic.get("synchronous_node_count", 1))


class View:
    """One answer of /cluster."""

    def __init__(self, document):
        self.members = {member["name"]: member for member in document.get("members", [])}

    @property
    def leader(self):
        """The name of the member that leads and runs, or None."""
        for name, member in self.members.items():
            if member.get("role") in LEADER_ROLES and member.get("state") in LEADING_STATES[member["role"]]:
                return name
        return None

    @property
    def standbys(self):
        """Names of the streaming members that count for the quorum, the least lagging first."""
        names = [name for name in self.members if self.is_standby(name)]
        return sorted(names, key=lambda name: self.lag(name) or 0)

    def is_standby(self, name):
        member = self.members.get(name, {})
        return member.get("role") in STANDBY_ROLES and member.get("state") == "streaming"

    def lag(self, name):
        """Bytes behind the leader, or None where Patroni does not know."""
        lag = self.members.get(name, {}).get("lag")
        return lag if isinstance(lag, int) else None

    def follows(self, name):
        """Whether the member streams on the leader's own timeline."""
        member, leader = self.members.get(name, {}), self.members.get(self.leader or "", {})
        return member.get("state") == "streaming" and member.get("timeline") == leader.get("timeline")

    def missing(self, expected, demanded):
        """Sentences on what keeps the cluster from being whole; empty when it is.

        `expected` are the names that have to run, `demanded` how many of them have to stand by synchronously. Where any
        has to, every one that runs has to be counted: a leader takes over with the quorum of its predecessor, and one
        that knows no other member than that predecessor would wait for it with every commit.
        """
        if self.leader is None:
            return ["no member leads"]
        reasons = []
        leader = self.members[self.leader]
        if leader["role"] == "standby_leader" and leader["state"] != "streaming":
            reasons.append(f"{self.leader} is {leader['state']}, not streaming from the other site")
        for name in expected:
            if name == self.leader:
                continue
            if name not in self.members:
                reasons.append(f"{name} has not joined")
            elif not self.follows(name):
                reasons.append(f"{name} is {self.members[name].get('state')}, not streaming from {self.leader}")
            elif demanded > 0 and not self.is_standby(name):
                reasons.append(f"{name} does not count for the quorum yet")
        standing = sum(name in expected for name in self.standbys)
        if standing < demanded:
            reasons.append(f"{standing} of {demanded} synchronous replicas stand by")
        return reasons
