"""The process of PostgreSQL itself."""

import os

DATA = os.environ.get("PGDATA", "/var/lib/dujyo/pgdata")


def pid(data=DATA):
    """Of the one that runs on this data. Raises OSError or ValueError where none does."""
    with open(os.path.join(data, "postmaster.pid"), encoding="ascii") as file:
        number = int(file.readline())
    with open(f"/proc/{number}/comm", encoding="ascii") as file:
        # A file left by a killed container may name any process of this one.
        if file.read().strip() != "postgres":
            raise ProcessLookupError(f"{number} is not PostgreSQL's")
    return number
