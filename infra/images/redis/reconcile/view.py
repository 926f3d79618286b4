"""What the members say: each one's own report, with the cluster as it sees it."""

from dataclasses import dataclass, field

from .connection import Connection, ReplyError
from .desired import Desired


@dataclass(frozen=True)
class Node:
    """One line of CLUSTER NODES."""

    id: str
    host: str
    address: str
    port: int
    flags: frozenset[str]
    primary: str | None
    linked: bool
    slots: frozenset[int]
    open_slots: bool

    @property
    def failing(self) -> bool:
        return bool(self.flags & {"fail", "fail?"})


@dataclass(frozen=True)
class Place:
    """Where a member runs; empty where nobody has told it."""

    node: str = ""
    zone: str = ""


@dataclass(frozen=True)
class Report:
    """One answering member."""

    name: str
    id: str
    nodes: dict[str, Node]
    keys: int
    epoch: int
    state_ok: bool
    link_up: bool
    synced_replicas: int
    place: Place = Place()

    @property
    def me(self) -> Node:
        return self.nodes[self.id]

    @property
    def is_primary(self) -> bool:
        return self.me.primary is None

    @property
    def settled(self) -> bool:
        """Knows peers or owns slots: has been part of a cluster."""
        return len(self.nodes) > 1 or bool(self.me.slots)


@dataclass(frozen=True)
class State:
    reports: dict[str, Report]
    """Desired members that answered, by name."""
    silent: dict[str, str]
    """Desired members that did not, with the reason."""
    leaving: dict[str, Report] = field(default_factory=dict)
    """Answering nodes that the cluster lists and nobody declares, by node id."""


def parse_nodes(text: str) -> dict[str, Node]:
    """Handshakes are left out: they are nodes of whom not even the id is certain."""
    nodes = {}
    for line in text.splitlines():
        id_, endpoint, flags, primary, _ping, _pong, _epoch, link, *owned = line.split()
        where, _, names = endpoint.partition(",")
        address, _, port = where.partition("@")[0].rpartition(":")
        flag_set = frozenset(flag for flag in flags.split(",") if flag != "myself")
        if "handshake" in flag_set:
            continue
        slots: set[int] = set()
        for item in owned:
            if not item.startswith("["):
                first, _, last = item.partition("-")
                slots.update(range(int(first), int(last or first) + 1))
        nodes[id_] = Node(
            id_, names.split(",")[0], address, int(port or 0), flag_set, None if primary == "-" else primary,
            link == "connected", frozenset(slots), any(item.startswith("[") for item in owned),
        )
    return nodes


def parse_facts(text: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def parse_place(announced: str) -> Place:
    """Of the name that a member announces to people: its own name, its node and its zone."""
    _, node, zone = (announced.split("/") + ["", ""])[:3]
    return Place(node, zone)


def ask_place(connection: Connection) -> Place:
    try:
        return parse_place(connection.call("CONFIG", "GET", "cluster-announce-human-nodename")[1])
    except ReplyError:
        # One that has not been replaced yet since this may be asked.
        return Place()


def ask_report(name: str, connection: Connection) -> Report:
    replication = parse_facts(connection.call("INFO", "replication"))
    cluster = parse_facts(connection.call("CLUSTER", "INFO"))
    # Not DBSIZE: a replica without its primary refuses that one.
    keyspace = parse_facts(connection.call("INFO", "keyspace")).get("db0", "keys=0")
    return Report(
        name=name,
        id=connection.call("CLUSTER", "MYID"),
        nodes=parse_nodes(connection.call("CLUSTER", "NODES")),
        keys=int(keyspace.partition(",")[0].removeprefix("keys=")),
        epoch=int(cluster["cluster_my_epoch"]),
        state_ok=cluster["cluster_state"] == "ok",
        link_up=replication.get("master_link_status") == "up",
        synced_replicas=sum(
            "state=online" in value for key, value in replication.items() if key.startswith("slave") and key[5:].isdigit()
        ),
        place=ask_place(connection),
    )


def observe(desired: Desired, connect) -> State:
    """Asks everybody once. `connect(address, port, server_name)` returns a Connection, kept open by its owner."""
    reports, silent = {}, {}
    for member in desired.members:
        try:
            reports[member.name] = ask_report(member.name, connect(member.host, member.port, member.host))
        except (OSError, ReplyError) as error:
            silent[member.name] = str(error)
    known = {id_: node for report in reports.values() for id_, node in report.nodes.items()}
    leaving = {}
    for id_, node in known.items():
        if id_ in {report.id for report in reports.values()} or not node.address:
            continue
        try:
            report = ask_report(node.host or node.address, connect(node.address, node.port, node.host or node.address))
        except (OSError, ReplyError):
            continue
        if report.id == id_:
            leaving[id_] = report
    return State(reports, silent, leaving)
