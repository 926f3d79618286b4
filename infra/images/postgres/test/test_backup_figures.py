"""What Prometheus is told of backups; the answers have the shape of pgBackRest 2.55's."""

import sys
import unittest

sys.path.insert(0, "lib")

from backup_figures import figures  # noqa: E402


def backup(kind, stop, error=False):
    return {"type": kind, "timestamp": {"start": stop - 1, "stop": stop}, "error": error}


def told(*backups, stanza="dujyo", ok=True, restored=0):
    answer = [{"name": stanza, "backup": list(backups), "status": {"code": 0, "message": "ok"}}]
    return figures(answer, ok, restored).splitlines()


FULL = 'dujyo_backup_last_success_timestamp_seconds{type="full"}'
INCREMENT = 'dujyo_backup_last_success_timestamp_seconds{type="incr"}'


class Figures(unittest.TestCase):
    def test_the_newest_backup_of_each_kind(self):
        lines = told(backup("full", 1795703879), backup("full", 1795700000), backup("incr", 1795703881))
        self.assertIn(f"{FULL} 1795703879", lines)
        self.assertIn(f"{INCREMENT} 1795703881", lines)

    def test_zero_where_none_ever_succeeded(self):
        # A repository before its first backup: the alert on the age has to speak.
        self.assertIn(f"{FULL} 0", told())

    def test_a_backup_with_damaged_pages_is_none(self):
        self.assertIn(f"{FULL} 1000", told(backup("full", 1000), backup("full", 2000, error=True)))

    def test_backups_of_another_cluster_are_not_ours(self):
        self.assertIn(f"{FULL} 0", told(backup("full", 1000), stanza="other"))

    def test_how_the_last_run_ended(self):
        self.assertIn("dujyo_backup_last_run_ok 0", told(ok=False))
        self.assertIn("dujyo_backup_last_run_ok 1", told(ok=True))

    def test_nothing_of_a_run_before_the_first(self):
        self.assertFalse([line for line in told(ok=None) if "last_run_ok" in line])

    def test_when_a_restore_was_proved(self):
        self.assertIn("dujyo_restore_last_success_timestamp_seconds 1795703900", told(restored=1795703900))


if __name__ == "__main__":
    unittest.main()
