"""Which task of the repository's host is due; the answers have the shape of pgBackRest 2.55's."""

import sys
import unittest

sys.path.insert(0, "lib")

from backup_schedule import due  # noqa: E402

NOW = 1_800_000_000
SCHEDULE = {"full": 7 * 86400, "incremental": 6 * 3600, "drill": 86400}
PROVED = {"ok": True, "at": NOW - 60, "last_success": NOW - 60}


def backup(kind, age, timeline=1, error=False):
    segment = f"{timeline:08X}0000000000000005"
    return {"type": kind, "timestamp": {"stop": NOW - age}, "archive": {"start": segment, "stop": segment}, "error": error}


def asked(*backups, archived=1, last_backup=None, drill=PROVED):
    archive = [{"id": "17-1", "min": "000000010000000000000001", "max": f"{archived:08X}0000000000000009"}]
    info = [{"name": "dujyo", "backup": list(backups), "archive": archive}]
    return due(info, SCHEDULE, {"backup": last_backup or {}, "drill": drill}, NOW)


class Due(unittest.TestCase):
    def test_a_full_backup_first(self):
        self.assertEqual(asked(), "full")

    def test_nothing_while_all_is_recent(self):
        self.assertIsNone(asked(backup("full", 3600)))

    def test_an_increment_when_the_newest_of_any_kind_is_old_enough(self):
        self.assertEqual(asked(backup("full", 7 * 3600)), "incr")
        self.assertIsNone(asked(backup("full", 7 * 3600), backup("incr", 3600)))

    def test_a_full_one_when_the_last_full_one_is_old_enough(self):
        self.assertEqual(asked(backup("full", 8 * 86400), backup("incr", 60)), "full")

    def test_a_backup_with_damaged_pages_is_none(self):
        self.assertEqual(asked(backup("full", 60, error=True)), "full")

    def test_an_increment_at_once_on_a_new_timeline(self):
        self.assertEqual(asked(backup("full", 60), archived=2), "incr")
        self.assertIsNone(asked(backup("full", 120), backup("incr", 60, timeline=2), archived=2))

    def test_a_failed_backup_is_not_tried_again_at_once(self):
        self.assertIsNone(asked(last_backup={"ok": False, "at": NOW - 60}))
        self.assertEqual(asked(last_backup={"ok": False, "at": NOW - 301}), "full")

    def test_a_trial_restore_when_the_last_proof_is_old_enough(self):
        fresh = backup("full", 60)
        self.assertEqual(asked(fresh, drill={}), "drill")
        self.assertEqual(asked(fresh, drill={"ok": True, "at": NOW - 90000, "last_success": NOW - 90000}), "drill")

    def test_no_trial_without_a_backup(self):
        self.assertIsNone(asked(last_backup={"ok": False, "at": NOW - 60}, drill={}))

    def test_a_failed_trial_is_not_tried_again_at_once(self):
        self.assertIsNone(asked(backup("full", 60), drill={"ok": False, "at": NOW - 60, "last_success": 0}))


if __name__ == "__main__":
    unittest.main()
