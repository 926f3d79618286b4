"""What a start makes of a first one that was cut off."""

import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, "lib")

import first_start  # noqa: E402
import member_patroni  # noqa: E402

SYSTEM = "7577000000000000000"


class CutOff(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = os.path.join(folder.name, "pgdata")
        self.store = mock.Mock()
        self.state = "shut down"

    def write_data(self):
        os.makedirs(self.data)
        with open(os.path.join(self.data, "PG_VERSION"), "w", encoding="ascii") as file:
            file.write("17\n")

    def write_copy(self, state, label=True):
        """A database whose control file says this of its state, with the label of a base backup or without."""
        self.write_data()
        self.state = state
        os.makedirs(os.path.join(self.data, "global"))
        for name in ["global/pg_control", *(["backup_label"] if label else [])]:
            with open(os.path.join(self.data, name), "w", encoding="ascii"):
                pass

    def controldata(self, data, name):
        values = {"Database system identifier": SYSTEM, "Database cluster state": self.state}
        return values[name] if os.path.isdir(data) else None

    def start_again(self, founded):
        """The next start, where the store says this of who founds the cluster. Says whether it lets somebody else found it."""
        self.store.reset_mock()
        self.store.get_cluster.return_value.initialize = founded

        def clear(*_, **__):
            with mock.patch("patroni.config.Config"), mock.patch("patroni.dcs.get_dcs", return_value=self.store):
                first_start._clear(self.data)

        with mock.patch("subprocess.run", side_effect=clear), mock.patch.object(first_start, "_controldata", side_effect=self.controldata):
            first_start.begin(self.data, {})
        return self.store.cancel_initialization.called

    def test_a_founder_before_its_first_file(self):
        first_start.begin(self.data, {})
        first_start.note_founding(self.data)
        self.assertTrue(self.start_again(founded=""))
        self.assertFalse(self.start_again(founded=""), "who waits has nothing to take back")

    def test_a_founder_with_half_of_its_data(self):
        first_start.begin(self.data, {})
        first_start.note_founding(self.data)
        self.write_data()
        self.assertTrue(self.start_again(founded=""))
        self.assertFalse(os.path.exists(self.data))

    def test_a_founder_that_had_done(self):
        first_start.begin(self.data, {})
        first_start.note_founding(self.data)
        self.write_data()
        self.assertFalse(self.start_again(founded=SYSTEM))
        self.assertTrue(os.path.exists(self.data))

    def test_one_that_waits_leaves_the_founder_alone(self):
        first_start.begin(self.data, {})
        self.assertFalse(self.start_again(founded=""))
        self.assertTrue(first_start.is_going_on(self.data))

    def test_one_that_founds_while_another_has_done(self):
        first_start.begin(self.data, {})
        first_start.note_founding(self.data)
        self.assertFalse(self.start_again(founded=SYSTEM))
        self.assertFalse(self.start_again(founded=""))

    def test_a_base_backup_that_postgresql_has_not_begun_with(self):
        for marked in (True, False):
            with self.subTest(first_start=marked):
                if marked:
                    first_start.begin(self.data, {})
                self.write_copy("in production")
                self.assertFalse(self.start_again(founded=SYSTEM))
                self.assertFalse(os.path.exists(self.data))
                self.assertEqual(first_start.is_going_on(self.data), marked)
                if marked:
                    first_start.end(self.data)

    def test_a_base_backup_of_a_standby(self):
        self.write_copy("in archive recovery")
        self.start_again(founded=SYSTEM)
        self.assertTrue(os.path.exists(self.data), "Patroni lets it follow, as PostgreSQL will")

    def test_a_primary_that_has_crashed(self):
        self.write_copy("in production", label=False)
        self.start_again(founded=SYSTEM)
        self.assertTrue(os.path.exists(self.data))

    def test_a_base_backup_of_nobody_that_the_store_knows(self):
        self.write_copy("in production")
        self.start_again(founded=None)
        self.assertTrue(os.path.exists(self.data), "it may be all that is left")


class Patroni(unittest.TestCase):
    def test_notes_who_founds(self):
        class Ha:
            def __init__(self, patroni):
                self.dcs = patroni.dcs

        member_patroni.note_who_founds(Ha)
        for answer, notes in ((True, ["note_founding"]), (False, ["note_founding", "note_waiting"])):
            dcs = mock.Mock()
            initialize = dcs.initialize
            initialize.return_value = answer
            with mock.patch.object(member_patroni, "first_start") as noted:
                self.assertEqual(Ha(mock.Mock(dcs=dcs)).dcs.initialize(create_new=True), answer)
            self.assertEqual([name for name, *_ in noted.mock_calls], notes)
            initialize.assert_called_once_with(create_new=True)

    def test_notes_nothing_when_the_database_gets_its_name(self):
        class Ha:
            def __init__(self, patroni):
                self.dcs = patroni.dcs

        member_patroni.note_who_founds(Ha)
        dcs = mock.Mock()
        initialize = dcs.initialize
        with mock.patch.object(member_patroni, "first_start") as noted:
            Ha(mock.Mock(dcs=dcs)).dcs.initialize(create_new=False, sysid=SYSTEM)
        self.assertEqual(noted.mock_calls, [])
        initialize.assert_called_once_with(create_new=False, sysid=SYSTEM)


if __name__ == "__main__":
    unittest.main()
