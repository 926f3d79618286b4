"""What Prometheus is told of backups, from what `pgbackrest info --output=json` says."""

from repository import backups

TYPES = ("full", "diff", "incr")


def figures(info, last_run_ok, last_restore):
    """The figures as Prometheus's text.

    `info` is the parsed answer of pgBackRest, `last_run_ok` whether the last run of a backup succeeded (None before the first),
    `last_restore` when a restore was last proved, in seconds since 1970 (0 for never).
    """
    ended = {kind: 0 for kind in TYPES}
    for backup in backups(info):
        ended[backup["type"]] = max(ended[backup["type"]], backup["timestamp"]["stop"])
    lines = ["# TYPE dujyo_backup_last_success_timestamp_seconds gauge"]
    lines += [f'dujyo_backup_last_success_timestamp_seconds{{type="{kind}"}} {ended[kind]}' for kind in TYPES]
    if last_run_ok is not None:
        lines += ["# TYPE dujyo_backup_last_run_ok gauge", f"dujyo_backup_last_run_ok {int(last_run_ok)}"]
    lines += [
        "# TYPE dujyo_restore_last_success_timestamp_seconds gauge",
        f"dujyo_restore_last_success_timestamp_seconds {last_restore}",
    ]
    return "\n".join(lines) + "\n"
