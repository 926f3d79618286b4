"""Brings the members to the shared configuration: who leads, what the store says, who still has to restart."""

import time

from cluster_view import View
from patroni_rest import Unreachable

POLL = 0.5


class Failure(Exception):
    """What is wrong, for the person who reads the job's last line."""


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Cluster:
    """The cluster as the job sees it: through whichever member answers."""

    def __init__(self, rest, plan):
        self.rest = rest
        self.plan = plan
        self.deadline = time.monotonic() + plan["deadlineSeconds"]

    def view(self):
        """The newest answer of any member. Raises Unreachable when none answers."""
        error = None
        for name in self.plan["members"]:
            try:
                return View(self.rest.document(name, "/cluster"))
            except Unreachable as failure:
                error = failure
        raise error

    def wait(self, what, condition):
        """Polls `condition(view)` until it returns no reasons; ends the job with the last ones at the deadline."""
        said = None
        while True:
            try:
                view = self.view()
                reasons = condition(view)
            except Unreachable as error:
                view, reasons = None, [str(error)]
            if not reasons:
                return view
            if reasons != said:
                say(f"waiting for {what}: {'; '.join(reasons)}")
                said = reasons
            if time.monotonic() > self.deadline:
                raise Failure(f"{what}: {'; '.join(reasons)} (after {self.plan['deadlineSeconds']} s)")
            time.sleep(POLL)

    def wait_leader(self):
        return self.wait("a leader", lambda view: [] if view.leader else ["no member leads"])

    def wait_whole(self):
        """All desired members stream and the quorum is complete."""
        plan = self.plan
        return self.wait("the whole cluster", lambda view: view.missing(plan["members"], plan["synchronousStandbys"]))

    def command(self, host, path, body):
        """POSTs and returns the answer's text. Raises Failure with what Patroni objects to."""
        remaining = max(10.0, self.deadline - time.monotonic())
        try:
            status, text = self.rest.ask(host, "POST", path, body, timeout=remaining)
        except Unreachable as error:
            raise Failure(f"{path} on {host}: {error}") from error
        if status not in (200, 202):
            raise Failure(f"{path} on {host}: status {status}, {text.strip()}")
        return text.strip()

    def switch_to(self, view, candidates):
        """Makes the first of `candidates` that stands by synchronously the leader."""
        standing = [name for name in view.standbys if name in candidates]
        if not standing:
            raise Failure(f"no synchronous replica among {', '.join(candidates)} to take over from {view.leader}")
        old, new = view.leader, standing[0]
        say(f"switching over from {old} to {new}")
        started = time.monotonic()
        self.command(old, "/switchover", {"leader": old, "candidate": new})
        self.wait(f"{new} to lead", lambda view: [] if view.leader == new else [f"{view.leader} leads"])
        say(f"{new} leads after {time.monotonic() - started:.1f} s")

    def departing(self):
        """Names of the members that are not planned. Raises Unreachable when none of the planned ones answers."""
        return [name for name in self.view().members if name not in self.plan["members"]]

    def leave_departing(self):
        """The leader is one of the members that stay."""
        view = self.wait_leader()
        if view.leader in self.plan["members"]:
            return
        say(f"{view.leader} leads and is about to go")
        self.wait("a synchronous replica that stays",
                  lambda now: [] if set(now.standbys) & set(self.plan["members"]) else ["none stands by"])
        self.switch_to(self.view(), self.plan["members"])

    def apply(self, dynamic):
        """Replaces the shared configuration: a key that is no longer in `dynamic` goes. Returns whether it changed."""
        leader = self.wait_leader().leader
        present = self.rest.document(leader, "/config")
        if present == dynamic:
            say("shared configuration: unchanged")
            return False
        changed = sorted(_differences(present, dynamic))
        status, text = self.rest.ask(leader, "PUT", "/config", dynamic, timeout=10)
        if status != 200:
            raise Failure(f"/config on {leader}: status {status}, {text.strip()}")
        say(f"shared configuration: changed {', '.join(changed)}")
        self.wait_applied(dynamic)
        return True

    def wait_applied(self, dynamic):
        """Every desired member has read the change, and run one more loop, in which it published what must restart."""
        read_at = {}
        for name in self.plan["members"]:
            # A change of nothing wakes the member, instead of leaving it to its next loop.
            self.rest.ask(name, "PATCH", "/config", {"ttl": dynamic["ttl"]}, timeout=10)

        def unread(_):
            reasons = []
            for name in self.plan["members"]:
                seen = self.rest.document(name, "/patroni").get("dcs_last_seen", 0)
                if self.rest.document(name, "/config") != dynamic:
                    reasons.append(f"{name} has not read it")
                elif seen <= read_at.setdefault(name, seen) + 1:
                    reasons.append(f"{name} is applying it")
            return reasons

        self.wait("the change to arrive", unread)


def _differences(before, after, prefix=""):
    for key in set(before) | set(after):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield prefix + key
