"""When a cluster counts as whole, so that the next member may be touched."""

import sys
import unittest

sys.path.insert(0, "lib")

from cluster_view import View, demanded_standbys  # noqa: E402


def member(name, role, state="streaming", timeline=4):
    return {"name": name, "role": role, "state": state, "timeline": timeline, "lag": 0}


LEADER = member("postgres-0", "leader", "running")
NAMES = ("postgres-0", "postgres-1", "postgres-2")


def missing(*members, expected=NAMES, demanded=1):
    return View({"members": members}).missing(expected, demanded)


class Missing(unittest.TestCase):
    def test_nothing_where_every_replica_streams_and_counts(self):
        members = (LEADER, member("postgres-1", "quorum_standby"), member("postgres-2", "quorum_standby"))
        self.assertEqual(missing(*members), [])

    def test_a_replica_that_streams_and_does_not_count_yet(self):
        # A successor that knew of its predecessor alone would wait for it with every commit.
        members = (LEADER, member("postgres-1", "replica"), member("postgres-2", "quorum_standby"))
        self.assertEqual(missing(*members), ["postgres-1 does not count for the quorum yet"])

    def test_no_quorum_where_none_is_asked_for(self):
        members = (LEADER, member("postgres-1", "replica"))
        self.assertEqual(missing(*members, expected=NAMES[:2], demanded=0), [])

    def test_a_member_that_is_about_to_go_is_not_waited_for(self):
        members = (LEADER, member("postgres-1", "quorum_standby"), member("postgres-2", "replica", "stopped"))
        self.assertEqual(missing(*members, expected=NAMES[:2]), [])

    def test_a_replica_of_another_timeline(self):
        members = (LEADER, member("postgres-1", "quorum_standby"), member("postgres-2", "quorum_standby", timeline=3))
        self.assertEqual(missing(*members), ["postgres-2 is streaming, not streaming from postgres-0"])

    def test_a_site_that_follows_is_led_and_whole_while_it_streams(self):
        view = View({"members": [member("postgres-0", "standby_leader"), member("postgres-1", "replica")]})
        self.assertEqual(view.leader, "postgres-0")
        self.assertEqual(view.missing(NAMES[:2], 0), [])

    def test_a_site_that_follows_nobody_who_answers_is_led_and_not_whole(self):
        view = View({"members": [member("postgres-0", "standby_leader", "in archive recovery")]})
        self.assertEqual(view.leader, "postgres-0")
        self.assertEqual(
            view.missing(NAMES[:1], 0),
            ["postgres-0 is in archive recovery, not streaming from the other site"])

    def test_a_site_that_follows_demands_no_synchronous_replica(self):
        shared = {"synchronous_mode": "quorum", "synchronous_node_count": 1}
        self.assertEqual(demanded_standbys(shared), 1)
        self.assertEqual(demanded_standbys({**shared, "standby_cluster": {"host": "other"}}), 0)

    def test_everybody_before_there_is_a_leader(self):
        self.assertEqual(missing(member("postgres-1", "replica")), ["no member leads"])

    def test_who_has_not_joined(self):
        self.assertEqual(
            missing(LEADER, member("postgres-1", "quorum_standby")), ["postgres-2 has not joined"])

    def test_more_standbys_than_stand_by(self):
        self.assertEqual(
            missing(LEADER, member("postgres-1", "quorum_standby"), expected=NAMES[:2], demanded=2),
            ["1 of 2 synchronous replicas stand by"])


if __name__ == "__main__":
    unittest.main()
