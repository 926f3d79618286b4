"""A backup restored into an instance of its own on this host, replayed from the archive, and thrown away."""

import os
import shutil
import subprocess
import time

import psycopg2

from repository import CONFIGURATION, Failure, backups, info, pgbackrest

DISK = "/var/lib/dujyo"
# WAL that is replayed comes on top of the backup.
ROOM = 1.2
PLACE = "/var/lib/dujyo/trial"
SOCKETS = "/run/trial"
POLL = 0.5
STOP_SECONDS = 60


def newest():
    """Label of the newest backup. Raises Failure where there is none, or no room for a trial of it."""
    usable = backups(info())
    if not usable:
        raise Failure("there is no backup yet")
    backup = usable[-1]
    needed, free = backup["info"]["size"] * ROOM, shutil.disk_usage(DISK).free
    if free < needed:
        raise Failure(f"a second copy of the data needs {needed / 2**20:.0f} MB of disk, and {free / 2**20:.0f} MB are free")
    return backup["label"]


class Trial:
    """Restored and promoted inside a `with`; afterwards nothing of it is left."""

    def __init__(self, database, options=()):
        """`options` are those of `pgbackrest restore` that say up to where; without any, all that is archived is replayed."""
        self.database = database
        self._options = options
        self.data = os.path.join(PLACE, "pgdata")
        self._server = None

    def __enter__(self):
        try:
            self._restore()
            self._start()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, *_):
        self._clear()

    def _restore(self):
        shutil.rmtree(PLACE, ignore_errors=True)
        os.makedirs(self.data, mode=0o700)
        pgbackrest(f"--pg1-path={self.data}", *self._options, "restore", env=_environment())

    def _start(self):
        os.makedirs(SOCKETS, mode=0o700, exist_ok=True)
        # Its WAL would not belong into the archive. Said here, so that nothing of it stays with the data.
        command = ["postgres", "-D", self.data, "-c", f"config_file={CONFIGURATION}/trial.conf", "-c", "archive_mode=off"]
        # Its restore_command asks pgBackRest, too.
        self._server = subprocess.Popen(command, stdout=2, env=_environment())
        # With hot_standby off nobody gets in before the replay is over and the instance promoted.
        while True:
            if self._server.poll() is not None:
                raise Failure(f"the restored instance ended with {self._server.returncode}; its own lines are in the log")
            try:
                self.connect().close()
                return
            except psycopg2.OperationalError:
                time.sleep(POLL)

    def connect(self):
        return psycopg2.connect(host=SOCKETS, user="postgres", dbname=self.database)

    @staticmethod
    def reached(session):
        """Up to where the log was replayed: the last commit in it, RFC 3339 or None, and the position."""
        with session.cursor() as cursor:
            cursor.execute("SELECT pg_last_xact_replay_timestamp(), pg_last_wal_replay_lsn()")
            moment, position = cursor.fetchone()
        return {"moment": moment and moment.isoformat(), "lsn": position}

    def stop(self):
        """Ends the instance in order, its data whole. Raises Failure where it does not end so."""
        self._server.terminate()
        try:
            code = self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"the restored instance did not end within {STOP_SECONDS} s") from late
        if code != 0:
            raise Failure(f"the restored instance ended with {code}; its own lines are in the log")

    def _clear(self):
        if self._server is not None and self._server.poll() is None:
            try:
                self.stop()
            except Failure:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(PLACE, ignore_errors=True)


def _environment():
    """Without the members: to pgBackRest the database is then here."""
    return {name: value for name, value in os.environ.items() if name != "PGBACKREST_CONFIG_INCLUDE_PATH"}
