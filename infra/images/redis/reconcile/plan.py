"""From what is declared and what was seen to the one next step. Nothing here talks to anybody."""

from .actions import AddSlots, Action, Done, Forget, HandOver, Rebalance, Release, Repair, Replicate, Reset, Wait
from .desired import SLOTS, Desired
from .membership import next_membership_step
from .placement import apart_swap, choose_primaries, relieving_heir, replica_moves, slot_share
from .view import Report, State

# A fiftieth more or less than its share: moving slots for less costs more than it brings.
TOLERANCE = 0.02


def next_step(desired: Desired, state: State) -> Action:
    """Raises Refusal where going on could lose data."""
    if state.silent:
        name, reason = next(iter(state.silent.items()))
        return Wait(f"{name} does not answer: {reason}")
    return (
        next_membership_step(desired, state)
        or _wait_for_agreement(state)
        or _strike_off_lost_nodes(desired, state)
        or _shape(desired, state)
        or _dismiss(state)
        or _wait_for_replicas(desired, state)
        or Done()
    )


def next_leaving_step(desired: Desired, state: State) -> Action:
    """As next_step, until nobody is left that is not declared; what else is wrong is left to the run after the members.

    Raises Refusal where going on could lose data.
    """
    if not state.reports:
        return Done()
    hosts = {member.host for member in desired.members}
    known = (node for report in state.reports.values() for node in report.nodes.values())
    return next_step(desired, state) if any(node.host not in hosts for node in known) else Done()


def _wait_for_agreement(state: State) -> Action | None:
    """Nothing is decided on a picture that the members do not share."""
    ids = {report.id: report.name for report in state.reports.values()}
    for report in state.reports.values():
        for id_, name in ids.items():
            if id_ not in report.nodes:
                return Wait(f"{report.name} has not heard of {name} yet")
            seen = report.nodes[id_]
            if not seen.linked or seen.failing:
                return Wait(f"{report.name} has no link to {name} yet")
            # Who is primary, and of what, is what a member says of itself; the others follow by gossip.
            own = next(r for r in state.reports.values() if r.id == id_).me
            if seen.primary != own.primary or seen.slots != own.slots:
                return Wait(f"{report.name} has old news of {name}")
    return None


def _strike_off_lost_nodes(desired: Desired, state: State) -> Action | None:
    present = {report.id for report in state.reports.values()} | set(state.leaving)
    addresses = {(member.host, member.port) for member in desired.members}
    for report in state.reports.values():
        for id_, node in report.nodes.items():
            if id_ in present:
                continue
            label = node.host or id_[:8]
            if not node.slots:
                return Forget(id_, f"{label} ({id_[:8]}) is not declared and does not answer")
            heirs = [r for r in state.reports.values() if r.me.primary == id_]
            if heirs:
                return Wait(f"{heirs[0].name} has not taken over from {label} yet")
            if (node.host, node.port) in addresses:
                return Forget(id_, f"{label} came back without its data ({id_[:8]})")
            return Wait(
                f"{len(node.slots)} slots belong to {label}, which does not answer and is not declared: start it again"
                " to let it be drained"
            )
    return None


def _shape(desired: Desired, state: State) -> Action | None:
    """Who is primary, who replicates whom, who owns which slots."""
    everybody = [*state.reports.values(), *state.leaving.values()]
    if any(report.me.open_slots for report in everybody):
        return Repair()
    for leaver in state.leaving.values():
        heirs = [r for r in state.reports.values() if r.me.primary == leaver.id and r.link_up]
        if leaver.me.slots and heirs:
            return HandOver(heirs[0].name, leaver.name, "it leaves")

    primaries = choose_primaries(desired, state)
    if isinstance(primaries, Reset | Wait):
        return primaries
    moves = replica_moves(desired, state, primaries)
    if moves:
        return Replicate(tuple(moves))
    swap = apart_swap(desired, state, primaries)
    if swap:
        for name, _ in swap:
            if not state.reports[name].link_up:
                return Wait(f"{name} is not in sync with its primary, and shall change to another")
        return Replicate(tuple(swap))

    unowned = set(range(SLOTS)).difference(*(report.me.slots for report in everybody))
    if unowned:
        shares = ((name, _ranges(unowned & slot_share(i, len(primaries)))) for i, name in enumerate(primaries))
        return AddSlots(tuple((name, tuple(ranges)) for name, ranges in shares if ranges))

    for report in state.reports.values():
        if not report.state_ok:
            return Wait(f"{report.name} does not see the cluster ok yet")
    chosen = [state.reports[name] for name in primaries]
    if _uneven(chosen, everybody):
        for report in chosen:
            if report.synced_replicas < min(1, desired.replicas_per_shard):
                return Wait(f"{report.name} has no replica in sync to share new slots with")
        others = tuple(r.id for r in everybody if r.is_primary and r.name not in primaries)
        return Rebalance(tuple(primaries), others)
    # By now each of them has slots: one without could not be voted a successor for.
    relief = relieving_heir(state, primaries)
    return HandOver(*relief, "one place has too many primaries to do without it") if relief else None


def _uneven(chosen: list[Report], everybody: list[Report]) -> bool:
    share = SLOTS / len(chosen)
    off = any(abs(len(report.me.slots) - share) > share * TOLERANCE for report in chosen)
    return off or any(report.me.slots and report not in chosen for report in everybody)


def _ranges(slots: set[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for slot in sorted(slots):
        if ranges and ranges[-1][1] == slot - 1:
            ranges[-1] = (ranges[-1][0], slot)
        else:
            ranges.append((slot, slot))
    return ranges


def _dismiss(state: State) -> Action | None:
    """By now the leaving nodes own nothing and nobody declared replicates them. Replicas go before their primaries."""
    order = sorted(state.leaving.values(), key=lambda report: report.is_primary)
    return Release(tuple(report.id for report in order)) if order else None


def _wait_for_replicas(desired: Desired, state: State) -> Action | None:
    for report in state.reports.values():
        if report.is_primary and report.synced_replicas != desired.replicas_per_shard:
            return Wait(
                f"{report.name} has {report.synced_replicas} of {desired.replicas_per_shard} replicas in sync"
            )
        if not report.is_primary and not report.link_up:
            return Wait(f"{report.name} is not in sync with its primary yet")
    return None
