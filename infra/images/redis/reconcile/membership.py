"""Who belongs to the cluster: founding it, taking new members in, refusing what could lose data."""

from .actions import Action, Found, Meet, Reset
from .desired import Desired, Refusal
from .view import Report, State


def core_members(reports: list[Report]) -> list[Report]:
    """The members that know each other, of the largest such group: by slots, then by size, then by order.

    Knowing has to be mutual: a member that was struck off still knows the others, and is no part of them.
    """
    groups: list[list[Report]] = []
    for report in reports:
        friends = [g for g in groups if any(report.id in other.nodes and other.id in report.nodes for other in g)]
        merged = [report for group in friends for report in group] + [report]
        groups = [group for group in groups if group not in friends] + [merged]
    groups = [group for group in groups if any(report.settled for report in group)]

    def weight(group: list[Report]) -> tuple[int, int, int]:
        slots = sum(len(report.me.slots) for report in group)
        return slots, len(group), -min(reports.index(report) for report in group)

    return max(groups, key=weight, default=[])


def next_membership_step(desired: Desired, state: State) -> Action | None:
    reports = [state.reports[name] for name in desired.names]
    core = core_members(reports)
    for report in reports:
        if report in core:
            continue
        if report.keys:
            raise Refusal(
                f"{report.name} holds {report.keys} keys that the cluster does not know. If they can go, stop it,"
                " delete its volume and start it again; if not, restore the cluster that they belong to"
            )
        if report.settled:
            return Reset(report.name, hard=True)
    if not core:
        return Found(tuple(desired.names))
    for report in reports:
        if report not in core:
            return Meet(report.name, core[0].name)
    return None
