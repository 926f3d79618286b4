"""What the repository's host is told, pgBackRest as it runs here, and how the runs ended."""

import contextlib
import fcntl
import json
import os
import subprocess
import time

CONFIGURATION = "/etc/dujyo"
STATE = "/var/lib/dujyo/state"
STANZA = "dujyo"
READY = "/run/repository-ready"
# What a program ends with where another run of it is under way.
BUSY = 75


class Failure(Exception):
    """What went wrong, for the person who reads the last line of a run."""


def plan():
    with open(os.path.join(CONFIGURATION, "repository.json"), encoding="utf-8") as file:
        return json.load(file)


def pgbackrest(*arguments, **options):
    """Runs it with its log on standard error, which is the container's; raises Failure where it fails."""
    code = subprocess.run(["pgbackrest", f"--stanza={STANZA}", *arguments], stdout=2, check=False, **options).returncode
    if code != 0:
        raise Failure(f"pgbackrest {arguments[-1]} failed with exit code {code}; its own lines are in the log")


def info():
    """What the repository holds, as `pgbackrest info` tells it. Raises Failure where it does not."""
    command = ["pgbackrest", f"--stanza={STANZA}", "--output=json", "--log-level-console=off", "info"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise Failure(f"pgbackrest info failed with exit code {answer.returncode}: {answer.stderr.strip()}")
    return json.loads(answer.stdout)


def backups(info_answer):
    """Those that can be relied on, the newest last. One with damaged pages is there, and does not count."""
    found = [backup for entry in info_answer if entry["name"] == STANZA for backup in entry["backup"]]
    return sorted((backup for backup in found if not backup.get("error")), key=lambda backup: backup["timestamp"]["stop"])


def recorded(name):
    """How the last run of `name` ended: {"ok", "at", "last_success"}; empty before the first."""
    try:
        with open(os.path.join(STATE, f"{name}.json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def record(name, ok, **details):
    """Notes how a run ended; the time of the last success outlives failures."""
    now = int(time.time())
    outcome = {**details, "ok": ok, "at": now, "last_success": now if ok else recorded(name).get("last_success", 0)}
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    path = os.path.join(STATE, f"{name}.json")
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(outcome, file)
    os.replace(f"{path}.new", path)
    return outcome


@contextlib.contextmanager
def alone(name):
    """One run of `name` at a time; raises BlockingIOError where one is under way."""
    with open(f"/run/{name}.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
