"""What a change of the settings may make of a site, and what it may not."""

import sys
import unittest
from unittest import mock

sys.path.insert(0, "lib")

import settle_site  # noqa: E402
from settle_cluster import Failure  # noqa: E402

FOLLOWS = {"standby_cluster": {"host": "other"}}


def check(present, wanted, other_leads=False):
    cluster = mock.Mock()
    cluster.rest.document.return_value = present
    with mock.patch.object(settle_site.other_site, "leads", return_value=other_leads), \
            mock.patch.object(settle_site, "secret", return_value="password"):
        settle_site.check_role(cluster, wanted)


class CheckRole(unittest.TestCase):
    def test_what_a_site_is_already(self):
        check({}, {}, other_leads=True)
        check(FOLLOWS, FOLLOWS, other_leads=True)

    def test_a_promotion_where_the_other_site_does_not_lead(self):
        check(FOLLOWS, {})

    def test_no_promotion_beside_another_leader(self):
        with self.assertRaisesRegex(Failure, "the other site still leads"):
            check(FOLLOWS, {}, other_leads=True)

    def test_a_site_that_leads_is_never_made_to_follow(self):
        with self.assertRaisesRegex(Failure, "would throw away"):
            check({}, FOLLOWS)


if __name__ == "__main__":
    unittest.main()
