"""pg_rewind that keeps the log which the rewound member has to begin with.

pg_rewind removes what the new primary does not have. Of the log it spares what it read itself: from where the two parted back to
the record of their last common checkpoint. Recovery begins at that checkpoint's redo position, which after many writes lies
dozens of segments before the record. The new primary may have recycled those; without them, and without an archive, the member
would ask it for them for ever. They are the same on both sides, so the member's own are as good.
"""

import os
import re
import shutil
import subprocess

PROGRAM = "/usr/lib/postgresql/17/bin/pg_rewind"
# Beside the data, on its disk: links cost nothing. One that a killed rewind has left goes at the next start.
KEPT = "/var/lib/dujyo/log-before-rewind"

SEGMENT = re.compile(r"[0-9A-F]{24}")
BEGIN = re.compile(r"^START WAL LOCATION: .* \(file ([0-9A-F]{24})\)$", re.MULTILINE)


def run(arguments, program=PROGRAM, kept=KEPT):
    """Runs it; returns its exit code."""
    if "-D" not in arguments:
        # Patroni asks for its help to learn whether it is there.
        return subprocess.run([program, *arguments]).returncode
    data = arguments[arguments.index("-D") + 1]
    log = os.path.join(data, "pg_wal")
    discard(kept)
    os.mkdir(kept, mode=0o700)
    try:
        for segment in segments(log):
            os.link(os.path.join(log, segment), os.path.join(kept, segment))
        code = subprocess.run([program, *arguments]).returncode
        if code == 0:
            put_back(kept, log, begin(data))
        return code
    finally:
        discard(kept)


def discard(kept=KEPT):
    shutil.rmtree(kept, ignore_errors=True)


def segments(folder):
    return sorted(filter(SEGMENT.fullmatch, os.listdir(folder)))


def number(segment):
    """Place in the log, whatever the timeline: the same in every name's last 16 digits."""
    return segment[8:]


def begin(data):
    """Segment that recovery begins in; None where nothing had to be rewound."""
    try:
        with open(os.path.join(data, "backup_label"), encoding="ascii") as file:
            found = BEGIN.search(file.read())
    except FileNotFoundError:
        return None
    return found and found.group(1)


def put_back(kept, log, first):
    """Puts the segments from `first` up to the oldest that there is back."""
    present = segments(log)
    if first is None or not present:
        return
    oldest = min(map(number, present))
    for segment in segments(kept):
        if number(first) <= number(segment) < oldest:
            os.link(os.path.join(kept, segment), os.path.join(log, segment))
    folder = os.open(log, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
