"""The steps that the plan may order. Each is safe to take again when the job was killed while taking it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    pass


@dataclass(frozen=True)
class Wait:
    """Nothing to do but let the members get on with it."""

    reason: str


@dataclass(frozen=True)
class Found:
    """No cluster exists: these members become one."""

    members: tuple[str, ...]


@dataclass(frozen=True)
class Reset:
    """A member without keys forgets the cluster that it once was in, or its primary."""

    member: str
    hard: bool


@dataclass(frozen=True)
class Meet:
    member: str
    inside: str
    """A member of the cluster that makes the introduction."""


@dataclass(frozen=True)
class Forget:
    """A node that is gone for good is struck off everybody's list."""

    node: str
    why: str


@dataclass(frozen=True)
class Repair:
    """Slots that an interrupted move left open are brought to an end."""


@dataclass(frozen=True)
class HandOver:
    replica: str
    primary: str
    why: str


@dataclass(frozen=True)
class Replicate:
    moves: tuple[tuple[str, str], ...]
    """(member, its primary from now on)"""


@dataclass(frozen=True)
class AddSlots:
    """Slots that nobody owns."""

    shares: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
    """(member, its (first, last) ranges)"""


@dataclass(frozen=True)
class Rebalance:
    """Even slots among `onto`; none for any other primary."""

    onto: tuple[str, ...]
    empty: tuple[str, ...]
    """Node ids of the primaries that shall own nothing."""


@dataclass(frozen=True)
class Release:
    """Drained nodes that are not declared any more leave the cluster."""

    nodes: tuple[str, ...]


Action = Done | Wait | Found | Reset | Meet | Forget | Repair | HandOver | Replicate | AddSlots | Rebalance | Release
