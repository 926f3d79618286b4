"""Which members are primaries and whom the others replicate, changing as little as possible."""

from collections import Counter
from itertools import combinations

from .actions import Reset, Wait
from .desired import SLOTS, Desired
from .view import Place, Report, State


def slot_share(index: int, shards: int) -> set[int]:
    """The slots of primary number `index` in a cluster that was never reshaped."""
    return set(range(index * SLOTS // shards, (index + 1) * SLOTS // shards))


def choose_primaries(desired: Desired, state: State) -> list[str] | Reset | Wait:
    """Names of the primaries-to-be: owners of slots stay, the largest first; empty primaries fill up.

    In a new shard the first of 1 + M neighbours is taken, so that a shard's members are neighbours in the declared
    order, which every round-robin placement puts on different hosts.
    """
    reports = [state.reports[name] for name in desired.names]
    owners = sorted((r for r in reports if r.me.slots), key=lambda r: -len(r.me.slots))
    chosen = [report.name for report in owners[: desired.shards]]
    stride = 1 + desired.replicas_per_shard
    empty = [r.name for r in reports if r.is_primary and not r.me.slots]
    empty.sort(key=lambda name: (desired.names.index(name) % stride != 0, desired.names.index(name)))
    chosen += empty[: desired.shards - len(chosen)]
    if len(chosen) == desired.shards:
        return sorted(chosen, key=desired.names.index)

    # More shards with fewer replicas: a replica beyond the declared number becomes an empty primary.
    for name in chosen:
        replicas = [r for r in reports if r.me.primary == state.reports[name].id]
        if len(replicas) > desired.replicas_per_shard:
            return Reset(replicas[-1].name, hard=False)
    return Wait("no member is free to become the primary of a new shard")


def replica_moves(desired: Desired, state: State, primaries: list[str]) -> list[tuple[str, str]]:
    """(member, primary) for each member that has to replicate another primary than it does now."""
    names = desired.names
    reports = state.reports
    ids = {reports[name].id: name for name in primaries}
    wanted = desired.replicas_per_shard
    followers: dict[str, list[str]] = {name: [] for name in primaries}
    free: list[str] = []
    draining = {r.id for r in [*reports.values(), *state.leaving.values()] if r.me.slots and r.id not in ids}
    for name in names:
        primary = reports[name].me.primary
        if name in primaries or reports[name].id in draining:
            continue
        if primary in ids:
            followers[ids[primary]].append(name)
        elif primary not in draining:
            # The replicas of a primary that is being drained stay until its last slot has gone.
            free.append(name)

    for primary in primaries:
        free += followers[primary][wanted:]
    moves = []
    for primary in primaries:
        after = names.index(primary)
        for _ in range(wanted - len(followers[primary])):
            if free:
                nearest = min(free, key=lambda name: (names.index(name) - after) % len(names))
                free.remove(nearest)
                moves.append((nearest, primary))
    return moves


def nearness(one: Place, other: Place) -> int:
    """How much two members have in common that can fail: their node weighs more than their zone."""
    if one.node and one.node == other.node:
        return 10
    return int(bool(one.zone) and one.zone == other.zone)


def apart_swap(desired: Desired, state: State, primaries: list[str]) -> list[tuple[str, str]]:
    """(member, primary) of two replicas that change places, so that fewer members of one shard share a node, or a zone.

    The best swap there is; empty where none is better than what is. Where a member runs is the platform's choice, and
    primaries stay: as many nodes as a shard has members do not have to suffice.
    """
    reports = state.reports
    shards = {name: [r for r in reports.values() if r.me.primary == reports[name].id] for name in primaries}

    def shared(primary: str, replicas: list[Report]) -> int:
        return sum(nearness(a.place, b.place) for a, b in combinations([reports[primary], *replicas], 2))

    best, swap = 0, []
    for one, other in combinations(primaries, 2):
        before = shared(one, shards[one]) + shared(other, shards[other])
        for mine in shards[one] if before else []:
            for yours in shards[other]:
                swapped = [yours if r is mine else r for r in shards[one]], [mine if r is yours else r for r in shards[other]]
                gain = before - shared(one, swapped[0]) - shared(other, swapped[1])
                if gain > best:
                    best, swap = gain, [(mine.name, other), (yours.name, one)]
    return swap


def relieving_heir(state: State, primaries: list[str]) -> tuple[str, str] | None:
    """(replica, its primary): who takes over, so that no node, and no zone, has half of the primaries.

    The others elect a successor for each lost primary, by a majority of all: were half of them lost at once, none would be.
    None where no place has as many, where there are fewer than three, or where it would only move the burden to another one.
    """
    reports = state.reports

    def counts(names: list[str]) -> list[Counter[str]]:
        places = [reports[name].place for name in names]
        return [Counter(p.node for p in places if p.node), Counter(p.zone for p in places if p.zone)]

    def burden(names: list[str]) -> int:
        return sum(held * held for count in counts(names) for held in count.values())

    crowded = {
        place
        for count, everywhere in zip(counts(primaries), counts(list(reports)), strict=True)
        for place, held in count.items()
        if 2 * held >= len(primaries) and len(everywhere) >= 3
    }
    best, heir = burden(primaries), None
    for primary in primaries:
        place = reports[primary].place
        if not crowded & {place.node, place.zone}:
            continue
        for replica in reports.values():
            if replica.me.primary != reports[primary].id or not replica.link_up:
                continue
            after = burden([replica.name if name == primary else name for name in primaries])
            if after < best:
                best, heir = after, (replica.name, primary)
    return heir
