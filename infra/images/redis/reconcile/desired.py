"""What is declared: the members in their order, the shards, the replicas of each."""

import json
from dataclasses import dataclass

BUS_PORT_OFFSET = 10000
SLOTS = 16384


class Refusal(Exception):
    """The job stops: going on could lose data, or the declaration makes no sense. A person has to decide."""


@dataclass(frozen=True)
class Member:
    name: str
    host: str
    port: int

    @property
    def bus_port(self) -> int:
        return self.port + BUS_PORT_OFFSET


@dataclass(frozen=True)
class Desired:
    members: tuple[Member, ...]
    shards: int
    replicas_per_shard: int

    @property
    def names(self) -> list[str]:
        return [member.name for member in self.members]


def read_desired(path: str) -> Desired:
    """Reads and checks the declaration. Raises Refusal with what is wrong and what is allowed."""
    with open(path, encoding="utf-8") as file:
        raw = json.load(file)
    desired = Desired(
        tuple(Member(m["name"], m["host"], int(m["port"])) for m in raw["members"]),
        int(raw["shards"]),
        int(raw["replicasPerShard"]),
    )
    wanted = desired.shards * (1 + desired.replicas_per_shard)
    if desired.shards < 3:
        raise Refusal(f"{path}: shards is {desired.shards}; an election needs a majority of at least 3 primaries")
    if len(desired.members) != wanted:
        raise Refusal(
            f"{path}: {len(desired.members)} members, but {desired.shards} shards with"
            f" {desired.replicas_per_shard} replicas each are {wanted}"
        )
    if len(set(desired.names)) != wanted:
        raise Refusal(f"{path}: a member name occurs twice")
    return desired
