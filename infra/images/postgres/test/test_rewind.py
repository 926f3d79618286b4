"""What a rewound member has of the log."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, "lib")

import rewind  # noqa: E402

LABEL = """START WAL LOCATION: 0/23290710 (file 000000010000000000000023)
CHECKPOINT LOCATION: 0/34FDE978
BACKUP METHOD: pg_rewind
"""


def name(timeline, segment):
    return f"{timeline:08X}{segment:016X}"


class Rewind(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.data = os.path.join(place.name, "pgdata")
        self.log = os.path.join(self.data, "pg_wal")
        self.kept = os.path.join(place.name, "kept")
        self.program = os.path.join(place.name, "pg_rewind")
        os.makedirs(os.path.join(self.log, "archive_status"))
        for segment in range(0x22, 0x37):
            self.write(name(1, segment), "own")

    def write(self, segment, text):
        with open(os.path.join(self.log, segment), "w", encoding="ascii") as file:
            file.write(text)

    def read(self, segment):
        with open(os.path.join(self.log, segment), encoding="ascii") as file:
            return file.read()

    def rewind(self, script, arguments=None):
        """With a stand-in for pg_rewind; as Patroni calls it."""
        with open(self.program, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(self.program, 0o700)
        return rewind.run(arguments or ["-D", self.data, "--source-server", "dbname=postgres"], self.program, self.kept)

    def copy(self, first, last, parted):
        """What pg_rewind does: the log is the source's, of which the segments from `parted` on are of timeline 2."""
        source = [name(1, segment) for segment in range(first, parted + 1)] + [name(2, segment) for segment in range(parted, last + 1)]
        lines = [f"cd {self.log} && rm -f 0*", *(f"printf source > {segment}" for segment in source)]
        return "\n".join([*lines, f"cat > {self.data}/backup_label <<'END'\n{LABEL}END"])

    def test_begins_with_its_own_log_where_the_source_has_no_more(self):
        self.assertEqual(self.rewind(self.copy(0x2D, 0x38, 0x35)), 0)
        segments = rewind.segments(self.log)
        self.assertEqual(segments[0], name(1, 0x23))
        own = [segment for segment in segments if self.read(segment) == "own"]
        self.assertEqual(own, [name(1, segment) for segment in range(0x23, 0x2D)])
        self.assertEqual([segment for segment in segments if segment not in own][-1], name(2, 0x38))
        self.assertFalse(os.path.exists(self.kept))

    def test_takes_the_sources_where_that_has_all(self):
        self.assertEqual(self.rewind(self.copy(0x20, 0x38, 0x35)), 0)
        self.assertEqual({self.read(segment) for segment in rewind.segments(self.log)}, {"source"})

    def test_leaves_alone_what_did_not_have_to_be_rewound(self):
        self.assertEqual(self.rewind("exit 0"), 0)
        self.assertEqual(len(rewind.segments(self.log)), 0x37 - 0x22)

    def test_says_that_it_is_there(self):
        self.assertEqual(self.rewind('test "$*" = --help', ["--help"]), 0)

    def test_tells_that_it_failed_and_puts_nothing_back(self):
        self.assertEqual(self.rewind(f"rm {self.log}/0*\nexit 3"), 3)
        self.assertEqual(rewind.segments(self.log), [])
        self.assertFalse(os.path.exists(self.kept))

    def test_begins_without_what_a_killed_one_has_left(self):
        os.mkdir(self.kept)
        with open(os.path.join(self.kept, name(1, 0x24)), "w", encoding="ascii") as file:
            file.write("of another data directory")
        os.remove(os.path.join(self.log, name(1, 0x24)))
        self.assertEqual(self.rewind(self.copy(0x2D, 0x38, 0x35)), 0)
        self.assertNotIn(name(1, 0x24), rewind.segments(self.log))


if __name__ == "__main__":
    unittest.main()
