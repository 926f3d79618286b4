"""Which task of the repository's host is due, from what the repository holds and how the last runs ended."""

from repository import STANZA, backups

# Seconds before a backup that failed is tried again, and before a trial restore is, which reads and writes all there is.
RETRY = {"backup": 300, "drill": 3600}


def due(info, schedule, runs, now):
    """`full`, `incr`, `drill` or None.

    `info` is the parsed answer of pgBackRest, `schedule` the seconds of each interval, `runs` what is recorded of `backup` and
    `drill`, `now` in seconds since 1970.
    """
    usable = backups(info)
    if not _just_failed("backup", runs, now):
        kind = _backup_due(info, usable, schedule, now)
        if kind:
            return kind
    proved = runs["drill"].get("last_success", 0)
    if usable and not _just_failed("drill", runs, now) and now - proved >= schedule["drill"]:
        return "drill"
    return None


def _backup_due(info, usable, schedule, now):
    if now - _newest(backup for backup in usable if backup["type"] == "full") >= schedule["full"]:
        return "full"
    if now - _newest(usable) >= schedule["incremental"]:
        return "incr"
    # A leader that was lost may have taken along WAL that it had not archived yet: the way from an older backup ends
    # there. From one of the new timeline it goes on.
    if _archived_timeline(info) > _timeline(usable[-1]["archive"]["stop"]):
        return "incr"
    return None


def _just_failed(name, runs, now):
    last = runs[name]
    return last.get("ok") is False and now - last["at"] < RETRY[name]


def _newest(found):
    return max((backup["timestamp"]["stop"] for backup in found), default=0)


def _timeline(segment):
    return int(segment[:8], 16)


def _archived_timeline(info):
    archives = [archive for entry in info if entry["name"] == STANZA for archive in entry["archive"]]
    return max((_timeline(archive["max"]) for archive in archives if archive["max"]), default=0)
