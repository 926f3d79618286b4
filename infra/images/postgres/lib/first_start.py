"""A member's first start: from its empty volume until it is part of a cluster.

A mark beside the data stands for that time. A start that finds the mark and data comes after one that was cut off, and
the data may be half of what initdb or a base backup makes. Patroni takes any directory with something in it for a
database, and what a cut-off founder has noted in the store keeps everybody else from founding the cluster. Both are
cleared here, also where the founder had not come to any data yet: its mark tells that it was founding.

Data of the database that the cluster is known by is whole: the store names it after initdb has ended, and a base backup
brings the file that names it last. A later base backup, after a member was reinitialised, has no mark; it is known by
that file, which is not there yet.

A base backup that is whole, but that PostgreSQL has not begun with, goes as well, of whatever start: until then it says of
itself that it is "in production". Patroni takes it for a primary that has crashed, and lets PostgreSQL recover it by itself.
That writes log of its own where the leader's goes on: the member would skip what the leader wrote there, and know nothing of it.
"""

import os
import shutil
import subprocess
import sys

# It also runs as a program of its own, isolated from its folder.
sys.path.insert(0, os.path.dirname(__file__))

from member_log import say  # noqa: E402

CONFIGURATION = "/etc/dujyo/patroni.yml"
STORE_SECONDS = 60
FOUNDING = "founding"
# States in which Patroni has a database recovered before it follows anybody.
CRASHED = ("in production", "shutting down", "in crash recovery")


def _mark(data):
    return os.path.join(os.path.dirname(data), "first-start")


def _is_empty(data):
    return not os.path.isdir(data) or not os.listdir(data)


def is_going_on(data):
    return os.path.exists(_mark(data))


def end(data):
    os.remove(_mark(data))


def note_founding(data):
    """Before this member asks the store to let it found the cluster."""
    _write_mark(data, FOUNDING)


def note_waiting(data):
    """Another one founds it."""
    _write_mark(data, "")


def _founds(data):
    if not is_going_on(data):
        return False
    with open(_mark(data), encoding="ascii") as file:
        return file.read() == FOUNDING


def _write_mark(data, text):
    # Renamed into its place: a start that is cut off here finds the old mark or the new one.
    half = f"{_mark(data)}.half"
    with open(half, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(half, _mark(data))


def begin(data, environment):
    """Before Patroni. Raises SubprocessError where the store does not answer: the next start tries again."""
    half_made = not _is_empty(data) and (
        is_going_on(data) or not os.path.exists(os.path.join(data, "global/pg_control")) or _is_untouched_copy(data)
    )
    if half_made or _founds(data):
        # Patroni's library stays out of this process, which lives as long as the member.
        subprocess.run([sys.executable, "-IB", __file__, data], env=environment, check=True, timeout=STORE_SECONDS)
    elif _is_empty(data):
        note_waiting(data)


def _controldata(data, name):
    answer = subprocess.run(["pg_controldata", data], env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True)
    for line in answer.stdout.splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    return None


def _system_identifier(data):
    return _controldata(data, "Database system identifier")


def _is_untouched_copy(data):
    """Whether PostgreSQL has yet to begin with a base backup: it renames the label then. A running primary has none."""
    if not os.path.exists(os.path.join(data, "backup_label")):
        return False
    return _controldata(data, "Database cluster state") in CRASHED


def _clear(data):
    from patroni.config import Config
    from patroni.dcs import get_dcs

    store = get_dcs(Config(CONFIGURATION))
    # Empty while a founder is at work, its database's identifier when it has done; missing before and without it.
    founded = store.get_cluster().initialize
    untouched = _is_untouched_copy(data)
    if founded and founded == _system_identifier(data) and not untouched:
        return
    if not founded and not is_going_on(data):
        return
    if untouched:
        say("a start was cut off between a base backup and PostgreSQL's start from it: the copy goes, another is made")
    else:
        say("a start was cut off while it made the database, its half-made data goes")
    # Only a founder has data while nothing is founded, and there is one at a time: the note is this member's own.
    if founded == "":
        store.cancel_initialization()
    if os.path.isdir(data):
        shutil.rmtree(data)
    if is_going_on(data):
        note_waiting(data)


if __name__ == "__main__":
    _clear(sys.argv[1])
