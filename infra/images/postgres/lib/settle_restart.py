"""Restarts what waits for a restart, one member at a time, never leaving the cluster less than whole in between."""

import time

from settle_cluster import Failure, say

RESTART_TIMEOUT = 60


def restart_pending(cluster):
    """Repeats passes until no desired member has a restart pending.

    A pass that changes nothing ends the job: something else than a restart is missing.
    """
    before = None
    while True:
        view = cluster.wait_whole()
        pending = _pending(cluster, view)
        if not pending:
            return
        if pending == before:
            raise Failure(f"restarts did not settle {_named(pending)}")
        before = pending
        say(f"restart pending: {_named(pending)}")
        _pass(cluster, view.leader)


def _pass(cluster, leader):
    for name in cluster.plan["members"]:
        if name == leader or name not in _pending(cluster, cluster.view()):
            continue
        _restart(cluster, name)
        # A limit that a standby may not go below is lowered on the primary first: the other replicas would restart in
        # vain, too.
        if name in _pending(cluster, cluster.view()):
            say(f"{name} keeps its value until {leader} has the new one")
            break
    if leader in _pending(cluster, cluster.wait_whole()):
        # In place: measured, writes pause for 2.7 s, against 4 to 7 s for a switchover, whose steps wait for each other.
        # That the new values let a member start, the replicas have shown.
        _restart(cluster, leader)


def _restart(cluster, name):
    started = time.monotonic()
    # Without a time of its own a restart of the leader would count as a crash at once (primary_start_timeout is 0).
    text = cluster.command(name, "/restart", {"timeout": RESTART_TIMEOUT})
    cluster.wait_whole()
    say(f"{name}: {text}, whole again after {time.monotonic() - started:.1f} s")


def _pending(cluster, view):
    """Desired members with a restart pending, each with the parameters that cause it."""
    return {
        name: tuple(sorted(view.members[name].get("pending_restart_reason", {"unknown": None})))
        for name in cluster.plan["members"]
        if view.members.get(name, {}).get("pending_restart")
    }


def _named(pending):
    return "; ".join(f"{name} ({', '.join(parameters)})" for name, parameters in pending.items())
